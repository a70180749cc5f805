"""User agents as products of a given year send them. Everybody may use a browser's; nobody has a style of his own."""

# ruff: noqa: E501 - an agent reads better in one piece

from random import Random

_OLD = (
    "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
    "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/51.0.2704.103 Safari/537.36",
    "Mozilla/5.0 (Windows NT 6.1; Win64; x64; rv:52.0) Gecko/20100101 Firefox/52.0",
    "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 6.0; Trident/4.0)",
    "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:47.0) Gecko/20100101 Firefox/47.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_6) AppleWebKit/601.7.7 (KHTML, like Gecko) Version/9.1.2 Safari/601.7.7",
    "Mozilla/5.0 (Linux; U; Android 4.4.2; en-US; HM NOTE 1W Build/KOT49H) AppleWebKit/534.30 (KHTML, like Gecko) "
    "Version/4.0 UCBrowser/11.0.5.850 U3/0.8.0 Mobile Safari/534.30",
    "Opera/9.80 (Windows NT 6.1) Presto/2.12.388 Version/12.18",
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/81.0.4044.129 Safari/537.36",
    "Mozilla/5.0",
    "-",
)
_PHONES = (
    "SM-G960F",
    "SM-A515F",
    "Pixel 6",
    "Pixel 8a",
    "Redmi Note 9",
    "M2101K6G",
    "K",
    "CPH2211",
    "VOG-L29",
    "moto g(7)",
)
SEARCH_BOTS = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/{chrome}.0.0.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm) "
    "Chrome/{chrome}.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; YandexBot/3.0; +http://yandex.com/bots)",
    "Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)",
    "DuckDuckBot/1.1; (+http://duckduckgo.com/duckduckbot.html)",
    "Mozilla/5.0 (compatible; SeznamBot/4.0; +http://napoveda.seznam.cz/seznambot-intro/)",
)
AI_BOTS = (
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; ClaudeBot/1.0; +claudebot@anthropic.com)",
    "Mozilla/5.0 (compatible; Bytespider; spider-feedback@bytedance.com)",
    "CCBot/2.0 (https://commoncrawl.org/faq/)",
    "meta-externalagent/1.1 (+https://developers.facebook.com/docs/sharing/webmasters/crawler)",
    "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Amazonbot/0.1; +https://developer.amazon.com/amazonbot)",
)
SEO_BOTS = (
    "Mozilla/5.0 (compatible; AhrefsBot/7.0; +http://ahrefs.com/robot/)",
    "Mozilla/5.0 (compatible; SemrushBot/7~bl; +http://www.semrush.com/bot.html)",
    "Mozilla/5.0 (compatible; MJ12bot/v1.4.8; http://mj12bot.com/)",
    "Mozilla/5.0 (compatible; DotBot/1.2; +https://opensiteexplorer.org/dotbot; help@moz.com)",
    "Mozilla/5.0 (compatible; PetalBot;+https://webmaster.petalsearch.com/site/petalbot)",
    "Mozilla/5.0 (compatible; DataForSeoBot/1.0; +https://dataforseo.com/dataforseo-bot)",
)
PREVIEW_BOTS = (
    "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
    "Twitterbot/1.0",
    "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    "WhatsApp/2.23.20.0",
    "TelegramBot (like TwitterBot)",
    "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
    "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
)
MONITORS = (
    "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
    "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
    "check_http/v2.3.3 (monitoring-plugins 2.3.3)",
    "kube-probe/1.27",
    "ELB-HealthChecker/2.0",
    "Uptime-Kuma/1.23.11",
    "Blackbox Exporter/0.24.0",
    "curl/7.88.1",
    "python-requests/2.31.0",
    "Go-http-client/1.1",
)
FEED_READERS = (
    "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 12 subscribers)",
    "FreshRSS/1.21.0 (Linux; https://freshrss.org)",
    "Tiny Tiny RSS/23.04 (https://tt-rss.org/)",
    "NetNewsWire (RSS Reader; https://netnewswire.com/)",
    "Mozilla/5.0 (compatible; Miniflux/2.0.49; +https://miniflux.app)",
    "newsboat/2.30.1 (Linux x86_64)",
    "feedparser/6.0.10 +https://github.com/kurtmckee/feedparser/",
    "python-requests/2.28.1",
    "Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 3 subscribers; )",
)
GIT_CLIENTS = ("git/2.39.2", "git/2.43.0", "JGit/5.13.0", "go-git/5.x", "git/2.34.1 (Apple Git-137)")


def chrome(year: int, rng: Random) -> int:
    """A version of Chrome in use in `year` (2014 to 2026): the current one, sometimes a few behind."""
    newest = {2014: 38, 2015: 46, 2016: 54, 2017: 62, 2018: 70, 2019: 78, 2020: 86, 2021: 95}.get(
        year, 95 + 12 * (year - 2021)
    )
    return max(30, newest - int(rng.expovariate(0.35)))


def browser(rng: Random, year: int, mobile: float = 0.45) -> str:  # noqa: PLR0911 - one for each product
    """A person's browser: mostly current, sometimes years old."""
    if rng.random() < 0.04:
        return rng.choice(_OLD[:-2])
    version = chrome(year, rng)
    full = f"{version}.0.0.0" if version >= 101 else f"{version}.0.{rng.randrange(2600, 4900)}.{rng.randrange(20, 180)}"
    kit = "AppleWebKit/537.36 (KHTML, like Gecko)"
    if rng.random() < mobile:
        if rng.random() < 0.45:
            ios = max(8, year - 2008 - (rng.random() < 0.3))
            system = f"{ios}_{rng.randrange(0, 7)}"
            return (
                f"Mozilla/5.0 (iPhone; CPU iPhone OS {system} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
                f"Version/{ios}.{rng.randrange(0, 5)} Mobile/15E148 Safari/604.1"
            )
        android = max(5, min(15, year - 2011) - rng.randrange(0, 4))
        return f"Mozilla/5.0 (Linux; Android {android}; {rng.choice(_PHONES)}) {kit} Chrome/{full} Mobile Safari/537.36"
    systems = (
        "Windows NT 10.0; Win64; x64",
        "Windows NT 10.0; WOW64",
        "Macintosh; Intel Mac OS X 10_15_7",
        "X11; Linux x86_64",
        "Windows NT 6.1; Win64; x64",
    )
    system = rng.choices(systems, (55, 4, 20, 10, max(1, 2024 - year)))[0]
    draw = rng.random()
    if draw < 0.62:
        return f"Mozilla/5.0 ({system}) {kit} Chrome/{full} Safari/537.36"
    if draw < 0.74 and year >= 2020:
        return f"Mozilla/5.0 ({system}) {kit} Chrome/{full} Safari/537.36 Edg/{version}.0.{rng.randrange(1000, 2999)}.{rng.randrange(30, 99)}"
    if draw < 0.92:
        firefox = max(31, version - rng.randrange(0, 3))
        return f"Mozilla/5.0 ({system}; rv:{firefox}.0) Gecko/20100101 Firefox/{firefox}.0"
    safari = max(8, year - 2008)
    return (
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
        f"Version/{safari}.{rng.randrange(0, 6)} Safari/605.1.15"
    )


def bot(rng: Random, year: int, family: tuple[str, ...]) -> str:
    """An agent of one of the families above, its Chrome version filled in."""
    return rng.choice(family).replace("{chrome}", str(chrome(year, rng)))


def script(rng: Random, year: int) -> str:
    """A library's or tool's own agent: admins, partners and attackers use the same ones."""
    return rng.choice(
        (
            f"python-requests/2.{rng.randrange(6, 33)}.{rng.randrange(0, 4)}",
            f"Python-urllib/3.{rng.randrange(5, 13)}",
            f"curl/{7 + (year > 2023)}.{rng.randrange(1, 88)}.{rng.randrange(0, 2)}",
            f"Go-http-client/{rng.choice(('1.1', '2.0'))}",
            f"python-httpx/0.{rng.randrange(18, 28)}.0",
            f"Python/3.{rng.randrange(8, 13)} aiohttp/3.{rng.randrange(7, 10)}.{rng.randrange(0, 6)}",
            f"Apache-HttpClient/4.5.{rng.randrange(1, 15)} (Java/1.8.0_{rng.randrange(100, 400)})",
            f"okhttp/4.{rng.randrange(1, 12)}.0",
            f"axios/1.{rng.randrange(1, 7)}.{rng.randrange(0, 9)}",
            f"libwww-perl/6.{rng.randrange(5, 70):02d}",
            f"Java/1.8.0_{rng.randrange(100, 400)}",
            f"Wget/1.{rng.randrange(17, 22)}",
            "GuzzleHttp/7",
            "node-fetch",
        )
    )


def careless(rng: Random, year: int) -> str:
    """What a bot of no name sends: an outdated browser's agent, a stub, a library's, or none."""
    draw = rng.random()
    if draw < 0.4:
        return rng.choice(_OLD)
    if draw < 0.6:
        return script(rng, year)
    return browser(rng, year - rng.randrange(0, 6) if year > 2020 else year, mobile=0.1)

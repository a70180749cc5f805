"""Harmless clients that look odd: they come once, with a strange agent, for a strange thing, or find much missing."""

from random import Random
from urllib.parse import quote

from . import agents, words
from .clock import arrivals, log_between, pause
from .stage import Stage
from .visitors import Browser
from .web_lines import request

Window = tuple[float, float]


def link_scanners(stage: Stage, rng: Random, window: Window, *, per_day: float = 4.0) -> None:
    """Mail gateways and safe-browsing services: each opens one link of somebody's mail, as an old browser, at once."""
    site = stage.site
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        address = stage.enter(stage.book.one(rng, "hosting", 0.05), "link_scanner")
        agent = agents.careless(rng, stage.scenario.year)
        token = "".join(rng.choice("abcdefghijkmnpqrstuvwxyz0123456789") for _ in range(rng.randrange(8, 40)))
        page = rng.choice((rng.choice(site.pages), "/", site.login, rng.choice(site.stale)))
        glue = "&" if "?" in page else "?"
        names = rng.sample(("id", "token", "u", "email", "src", "page", "ref", "key", "lang", "s"), rng.randrange(1, 4))
        values = [rng.choice(("", token, words.name(rng), str(rng.randrange(9999)))) for _ in names]
        query = "&".join(f"{name}={value}" for name, value in zip(names, values, strict=True))
        target = page if rng.random() < 0.3 else f"{page}{glue}{query}"
        at = time
        for method in rng.choice((("GET",), ("HEAD", "GET"), ("GET", "GET"), ("HEAD",))):
            request(stage, rng, at, address, method, target, agent)
            at += log_between(rng, 0.2, 20)
        if rng.random() < 0.15:
            request(stage, rng, at, address, "GET", rng.choice(("/favicon.ico", "/robots.txt")), agent)


_GONE = (
    "/forum/viewtopic.php?t={n}",
    "/phpbb2/viewtopic.php?p={n}",
    "/index.php?option=com_content&id={n}",
    "/{w}.php?id={n}",
    "/{w}/index.php?page={v}",
    "/{w}.asp",
    "/{w}/{v}.aspx?id={n}",
    "/cgi-bin/{w}.pl",
    "/~{w}/",
    "/~{w}/{v}.html",
    "/{w}.zip",
    "/download/{w}.zip",
    "/files/{w}.exe",
    "/{w}/{v}-setup.exe",
    "/{w}.rar",
    "/{w}/{v}.doc",
    "/{w}.pdf",
    "/{w}/{v}.htm",
    "/data/{w}.csv",
    "/{w}.php",
    "/{w}/{v}.php",
    "/gallery/{w}.php?pic={n}",
    "/shop/product_info.php?products_id={n}",
    "/wp-content/uploads/2{n}/{w}.jpg",
    "/?p={n}",
    "/guestbook.php",
    "/links.html",
    "/main.php?site={w}",
)
"""Pages as old sites had them, named like what scanners ask for, but on none of their lists."""

_LINKED_FROM = ("-", "-", "-", "https://www.google.com/", "https://lists.example.org/2014/threads.html")


def dead_links(stage: Stage, rng: Random, window: Window, *, n: int = 20, links: int = 3) -> None:
    """Visitors who follow a link to a page that is gone, most of them from mail or a bookmark, and then look or leave.

    A link has many followers, among them the previews of chats. Most do nothing else: one request, answered 404.
    """
    targets = [
        rng.choice(_GONE).format(w=words.name(rng), v=words.name(rng), n=rng.randrange(1, 4000)) for _ in range(links)
    ]
    year = stage.scenario.year
    for _ in range(n):
        preview = rng.random() < 0.2
        address = stage.enter(stage.book.one(rng, "hosting" if preview else "home", 0.1), "dead_link")
        person = Browser(stage, rng, address, agents.bot(rng, year, agents.PREVIEW_BOTS) if preview else None)
        person.referer = "-" if preview else rng.choice(_LINKED_FROM)
        time, target = rng.uniform(*window), targets[min(int(rng.expovariate(1)), links - 1)]
        for _ in range(rng.choices((1, 2, 3), (8, 2, 1))[0]):
            person.get(time, target)
            time += pause(rng, 20)
        if preview:
            continue
        if rng.random() < 0.4:
            person.get(time, "/favicon.ico")
        if rng.random() < 0.35:
            person.view(time + pause(rng, 15), "/")


_FILTERS = (
    'filter={{"{0}":"{1}","page":{2}}}',
    "filter[{0}]={1}&sort=-{0}&page[size]={2}",
    "$filter={0} eq '{1}'&$top={2}",
    "{0}=({1},{2})&view=list",
    "q={0}:({1} OR {2}*)",
    "bbox={2}.5,{2}.1;{2}.9,{2}.7&layers={0}|{1}",
    'where=[["{0}","=","{1}"]]&n={2}',
    "{0}={1}<{2}&order=`{0}`",
)
"""Parameters of lists, maps and search languages: OData, JSON:API, Lucene and what programmers think up."""


def filters(stage: Stage, rng: Random, window: Window, *, n: int = 12) -> None:
    """People and programs that ask one of the site's pages for part of a list: code in the parameters, all answered."""
    page = rng.choice(stage.site.api + stage.site.pages).replace("{n}", "1").partition("?")[0]
    form = rng.choice(_FILTERS)
    names = [words.name(rng) for _ in range(3)]
    for _ in range(n):
        program = rng.random() < 0.3
        address = stage.enter(stage.book.one(rng, "hosting" if program else "home", 0.1), "filter")
        year = stage.scenario.year
        person = Browser(stage, rng, address, agents.script(rng, year) if program else None)
        time = rng.uniform(*window)
        if not program:
            person.view(time, "/")
        for _ in range(rng.randrange(1, 9)):
            time += pause(rng, 20)
            query = form.format(rng.choice(names), words.name(rng), rng.randrange(1, 90))
            encoded = quote(query, safe="=&" if rng.random() < 0.7 else "=&()[]$:;,*'")
            person.get(time, f"{page}?{encoded}", "GET", 200, rng.randrange(200, 9000))


def players(stage: Stage, rng: Random, window: Window, *, n: int = 4) -> None:
    """Programs without a browser that fetch a file or two: players, readers, launchers, set-top boxes, proxies."""
    site = stage.site
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, "home", 0.1), "player")
        name = words.name(rng)
        version = f"{rng.randrange(0, 9)}.{rng.randrange(0, 20)}"
        agent = rng.choice((f"{name.title()}/{version}", name, f"{name}-{version} (unknown)", ".", "-", "Mozilla/5.0"))
        targets = rng.sample(site.images + site.pages, rng.randrange(1, 3))
        time = rng.uniform(*window)
        for _ in range(rng.randrange(1, 6)):
            target = rng.choice(targets)
            if rng.random() < 0.1:
                target = target[: rng.randrange(1, len(target) + 1)]  # a link that was cut in a mail
            status = rng.choice((200, 206, 206, None, None)) if target in site.sizes else None
            request(stage, rng, time, address, rng.choice(("GET", "GET", "HEAD")), target, agent, status=status)
            time += log_between(rng, 0.5, 40000)


def mail_programs(stage: Stage, rng: Random, window: Window, *, n: int = 3) -> None:
    """Mail programs that look for their settings on the web server, in every place where these might be."""
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, "home", 0.1), "mail_program")
        office, firebird = rng.randrange(14, 17), rng.randrange(60, 128)
        outlook = f"Microsoft Outlook {office}.0.{rng.randrange(4000, 17000)}; Pro"
        agent = rng.choice(
            (
                f"Microsoft Office/{office}.0 (Windows NT 10.0; {outlook})",
                f"Mozilla/5.0 (X11; Linux x86_64; rv:{firebird}.0) Gecko/20100101 Thunderbird/{firebird}.0",
                "-",
            )
        )
        post = agent.startswith("Microsoft")
        targets = (
            ("/autodiscover/autodiscover.xml", "/Autodiscover/Autodiscover.xml")
            if post
            else (
                "/.well-known/autoconfig/mail/config-v1.1.xml",
                "/mail/config-v1.1.xml",
                "/.well-known/caldav",
                "/.well-known/carddav",
            )
        )
        for start in arrivals(rng, *window, rng.choice((0.5, 2, 8)), stage.scenario.busy):
            time = start
            for target in targets[: rng.randrange(1, len(targets) + 1)]:
                method = rng.choice(("POST", "POST", "GET")) if post else rng.choice(("GET", "PROPFIND"))
                request(stage, rng, time, address, method, target, agent, status=rng.choice((404, 404, 404, 401, 301)))
                time += log_between(rng, 0.1, 5)


def developers(stage: Stage, rng: Random, window: Window, *, n: int = 1) -> None:
    """Whoever builds the site and tries it: half of it is missing or broken, again and again, until it is not."""
    site = stage.site
    for _ in range(n):
        person = Browser(stage, rng, stage.enter(stage.book.one(rng, "home", 0.1), "developer"))
        folder = "/" + "/".join(words.name(rng) for _ in range(rng.randrange(1, 4)))
        page = f"{folder}/{rng.choice(('index', 'test', 'form', words.name(rng)))}{rng.choice(('.php', '.html', ''))}"
        assets = [
            f"{folder}/{rng.choice(('js', 'css', 'img', 'vendor'))}/{words.name(rng)}{e}"
            for e in (".js", ".css", ".png")
        ]
        assets += rng.sample(site.shared, min(2, len(site.shared)))
        time = rng.uniform(*window)
        missing = set(rng.sample([page, *assets], rng.randrange(1, 4)))
        for _ in range(rng.randrange(2, 14)):
            status = 404 if page in missing else rng.choice((200, 200, 200, 500, 403, 304))
            person.get(time, page, rng.choice(("GET", "GET", "GET", "POST")), status, referer="-")
            person.referer = person.base + page
            for asset in assets:
                person.get(time + rng.uniform(0.05, 1.5), asset, status=404 if asset in missing else 200)
            if missing and rng.random() < 0.3:
                missing.discard(rng.choice(sorted(missing)))
            time += pause(rng, 40, 1.2)

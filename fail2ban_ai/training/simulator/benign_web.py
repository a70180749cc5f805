"""Benign parts on the web, the hard negatives among them: each takes the stage, its own stream, a window, settings."""

from random import Random

from . import agents, words
from .clock import arrivals, every, log_between, pause
from .stage import Stage
from .visitors import Browser, search_text
from .web_lines import request

Window = tuple[float, float]


def visitors(stage: Stage, rng: Random, window: Window, *, per_day: float = 40.0, burst: bool = False) -> None:
    """People who browse: most once, some back on other days; `burst`: a newsletter's morning, the same landing page."""
    landing = rng.choice(stage.site.pages)
    for time in arrivals(rng, *window, per_day, None if burst else stage.scenario.busy):
        address = stage.enter(stage.book.one(rng, "home", 0.12), "newsletter_reader" if burst else "visitor")
        person = Browser(stage, rng, address)
        if burst:
            person.view(time, landing + ("&" if "?" in landing else "?") + "utm_source=newsletter&utm_medium=email")
            person.visit(time + pause(rng, 30), rng.randrange(0, 4))
            continue
        pages = 1 if rng.random() < 0.45 else 2 + int(rng.expovariate(0.3))
        end = person.visit(time, pages)
        while rng.random() < 0.2:
            end = person.visit(end + pause(rng, 90000, 1.5), rng.randrange(1, 6))


def newsletter(
    stage: Stage, rng: Random, window: Window, *, readers: float = 60.0, weekday: int = 6, hour: float = 9.0
) -> None:
    """A mailing every week at the same hour: `readers` come within two hours."""
    day = window[0] - window[0] % 86400
    while day < window[1]:
        start = day + hour * 3600
        if int(day // 86400 + 3) % 7 == weekday and window[0] <= start < window[1]:
            visitors(stage, rng, (start, start + 3600), per_day=readers * 18, burst=True)
            visitors(stage, rng, (start + 3600, start + 7200), per_day=readers * 6, burst=True)
        day += 86400


def regulars(
    stage: Stage, rng: Random, window: Window, *, n: int = 6, per_day: float = 0.8, mistype: float = 0.12
) -> None:
    """Users of the site who log in on many days from the same address and sometimes mistype the password."""
    for user in rng.sample(stage.users, min(n, len(stage.users))):
        member(stage, rng, window, user=user, per_day=per_day, mistype=mistype)


def member(
    stage: Stage,
    rng: Random,
    window: Window,
    *,
    user: str,
    per_day: float = 0.8,
    mistype: float = 0.12,
    at: float | None = None,
) -> None:
    """One user of the site; `at`: a log-in at that time with two mistyped passwords before it."""
    person = Browser(stage, rng, stage.enter(stage.book.one(rng, "home", 0.1), "member"))
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        end = person.visit(time, rng.randrange(1, 3))
        person.login(end, user, rng.randrange(1, 4) if rng.random() < mistype else 0)
    if at is not None:
        person.login(at, user, 2)


def stale_bookmarks(stage: Stage, rng: Random, window: Window, *, n: int = 3) -> None:
    """Visitors whose bookmarks and links are old: several 404s, minutes to hours apart, among few pages that exist."""
    for start in sorted(rng.uniform(*window) for _ in range(n)):
        time = start
        person = Browser(stage, rng, stage.enter(stage.book.one(rng, "home", 0.1), "stale_bookmarks"))
        for target in rng.sample(stage.site.stale, rng.randrange(2, 9)):
            person.view(time, target)
            if rng.random() < 0.35:
                person.view(time + pause(rng, 8), "/")
            person.referer = "-"
            time += pause(rng, log_between(rng, 20, 2400), 0.6)


def searches(stage: Stage, rng: Random, window: Window, *, n: int = 3, texts: tuple[str, ...] = ()) -> None:
    """Visitors who search: other scripts, apostrophes, words of SQL; `texts` are searched by the first visitors."""
    for i in range(n):
        person = Browser(stage, rng, stage.enter(stage.book.one(rng, "home", 0.1), "searcher"))
        time = rng.uniform(*window)
        person.view(time, "/")
        wanted = [texts[i]] if i < len(texts) else []
        for text in [*wanted, *[search_text(rng, stage.site.lang) for _ in range(rng.randrange(1, 6))]]:
            time += pause(rng, 25)
            person.search(time, text)
            if rng.random() < 0.5:
                person.view(time + pause(rng, 10), rng.choice(stage.site.pages))


def crawlers(stage: Stage, rng: Random, window: Window, *, n: int = 4, per_day: float = 40.0) -> None:
    """Search engines, AI and SEO crawlers: robots.txt, pages over days, 404s where old links point."""
    site = stage.site
    for _ in range(n):
        family = rng.choices((agents.SEARCH_BOTS, agents.AI_BOTS, agents.SEO_BOTS), (5, 2, 3))[0]
        agent = agents.bot(rng, stage.scenario.year, family)
        network = rng.choice(stage.book.networks("hosting"))
        addresses = [stage.enter(stage.book.one(rng, network=network), "crawler") for _ in range(rng.randrange(1, 5))]
        dead = rng.choice((0.02, 0.08, 0.2, 0.5))
        rate = per_day * log_between(rng, 0.15, 2.5)
        for i, time in enumerate(arrivals(rng, *window, rate, None)):
            address = rng.choice(addresses)
            draw = rng.random()
            if i == 0 or draw < 0.05:
                target = rng.choice(("/robots.txt", "/robots.txt", "/sitemap.xml", "/ads.txt", "/llms.txt"))
            elif draw < 0.05 + dead:
                target = rng.choice(site.stale)
            elif draw < 0.85:
                target = rng.choice(site.pages)
            else:
                target = rng.choice(site.images + site.shared)
            status = 304 if rng.random() < 0.08 and target in site.sizes else None
            request(stage, rng, time, address, "GET", target, agent, status=status)


def previews(stage: Stage, rng: Random, window: Window, *, per_day: float = 5.0) -> None:
    """Link previews and other single requests: a chat's card, a browser without history, a tool at the front page."""
    for time in arrivals(rng, *window, per_day, stage.scenario.busy):
        address = stage.enter(stage.book.one(rng, rng.choice(("hosting", "home")), 0.1), "preview")
        bot = rng.random() < 0.6
        agent = (
            agents.bot(rng, stage.scenario.year, agents.PREVIEW_BOTS)
            if bot
            else agents.careless(rng, stage.scenario.year)
        )
        page = rng.choice(stage.site.pages) if rng.random() < 0.6 else "/"
        if rng.random() < 0.3:
            request(stage, rng, time - 0.4, address, "GET", "/robots.txt", agent)
        request(stage, rng, time, address, rng.choices(("GET", "HEAD"), (8, 1))[0], page, agent)
        if rng.random() < 0.3:
            request(stage, rng, time + 0.5, address, "GET", "/favicon.ico", agent)


def monitors(stage: Stage, rng: Random, window: Window, *, n: int = 1, period: float = 300.0) -> None:
    """Health checks: the same page every few minutes, day and night; now and then a 5xx or a time-out."""
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, "hosting", 0.1), "monitor")
        agent = rng.choice(agents.MONITORS)
        target = rng.choice(("/", "/health", "/healthz", "/status", "/api/health", "/ping", stage.site.login))
        method = rng.choice(("GET", "HEAD", "GET"))
        size = 0 if method == "HEAD" else rng.randrange(2, 300)
        for time in every(rng, *window, period * rng.choice((0.5, 1, 1, 3)), 0.01):
            status = 200 if rng.random() < 0.998 else rng.choice((502, 504, 499))
            request(stage, rng, time, address, method, target, agent, status=status, size=size)


def feed_readers(stage: Stage, rng: Random, window: Window, *, n: int = 3) -> None:
    """Feed readers: the feed every half hour to every few hours, mostly 304."""
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, rng.choice(("hosting", "home")), 0.1), "feed_reader")
        agent = rng.choice(agents.FEED_READERS)
        for time in every(rng, *window, rng.choice((900, 1800, 3600, 7200, 14400)), 0.05):
            request(
                stage, rng, time, address, "GET", stage.site.feed, agent, status=304 if rng.random() < 0.8 else None
            )


def broken_clients(stage: Stage, rng: Random, window: Window, *, n: int = 1) -> None:
    """Programs that ask for the same missing thing again and again: an old app, a TV, a widget, a moved feed."""
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, "home", 0.1), "broken_client")
        agent = rng.choice(
            (
                agents.script(rng, stage.scenario.year),
                agents.browser(rng, stage.scenario.year),
                agents.careless(rng, stage.scenario.year),
            )
        )
        missing = rng.choice(
            (
                "/api/v0/sync",
                "/feed.xml",
                "/rss",
                "/apple-app-site-association",
                "/autodiscover/autodiscover.xml",
                "/remote.php/dav/",
                "/wp-content/uploads/logo.png",
                "/version.json",
                rng.choice(stage.site.stale),
            )
        )
        targets = [missing] + ([rng.choice(stage.site.stale)] if rng.random() < 0.4 else [])
        start = rng.uniform(*window)
        period = log_between(rng, 20, 7200)
        for time in every(
            rng, start, min(window[1], start + log_between(rng, 3600, 6 * 86400), start + 400 * period), period, 0.1
        ):
            request(
                stage,
                rng,
                time,
                address,
                "GET",
                rng.choice(targets),
                agent,
                status=rng.choice((404, 404, 404, 410)) if len(targets) > 1 else 404,
            )


def api_clients(stage: Stage, rng: Random, window: Window, *, n: int = 1, runs_per_day: float = 2.0) -> None:
    """Partners' programs on the site's API: bursts of 20 to 120 requests by a library, all answered."""
    for _ in range(n):
        address = stage.enter(stage.book.one(rng, "hosting", 0.1), "api_client")
        agent = (
            agents.script(rng, stage.scenario.year)
            if rng.random() < 0.8
            else f"{words.name(rng).title()}Sync/{rng.randrange(1, 9)}.{rng.randrange(0, 20)}"
        )
        api = rng.choice(stage.site.api)
        git = api.endswith(".git")
        for start in arrivals(rng, *window, runs_per_day, None):
            time = start
            speed = rng.choice((0.1, 0.4, 1.5, 2.4))
            first = rng.randrange(1, 80)
            if stage.site.kind == "spa" and rng.random() < 0.5:
                request(
                    stage, rng, time, address, "POST", stage.site.login, agent, status=200, size=rng.randrange(300, 900)
                )
            for i in range(rng.randrange(3, 20) if git else rng.randrange(20, 120)):
                time += rng.expovariate(1 / speed)
                if git:
                    agent = rng.choice(agents.GIT_CLIENTS) if i == 0 else agent
                    request(
                        stage,
                        rng,
                        time,
                        address,
                        "GET",
                        f"{api}/info/refs?service=git-upload-pack",
                        agent,
                        status=200,
                        size=rng.randrange(180, 900),
                    )
                    request(
                        stage,
                        rng,
                        time + 0.3,
                        address,
                        "POST",
                        f"{api}/git-upload-pack",
                        agent,
                        status=200,
                        size=int(rng.lognormvariate(9, 2)),
                    )
                    continue
                status = rng.choices((200, 304, 404, 429, 500), (950, 20, 20, 5, 5))[0]
                request(
                    stage,
                    rng,
                    time,
                    address,
                    "GET",
                    api.replace("{n}", str(first + i)),
                    agent,
                    status=status,
                    size=int(rng.lognormvariate(7, 0.8)),
                )


def admin_scripts(stage: Stage, rng: Random, window: Window, *, per_day: float = 0.4) -> None:
    """The site's own admin: the admin area in a browser with log-ins, and scripts that check what was deployed."""
    site = stage.site
    address = stage.enter(stage.book.one(rng, "home"), "admin")
    agent = agents.script(rng, stage.scenario.year)
    person = Browser(stage, rng, address)
    for start in arrivals(rng, *window, per_day, stage.scenario.busy):
        time = start
        if rng.random() < 0.5:
            for target in rng.sample(
                site.pages + site.shared + site.stale[:4], min(len(site.pages), rng.randrange(4, 60))
            ):
                request(stage, rng, time, address, rng.choice(("GET", "HEAD", "GET")), target, agent)
                time += rng.expovariate(2)
            continue
        time = person.login(time, stage.users[0], rng.randrange(0, 2))
        for _ in range(rng.randrange(2, 15)):
            target = (site.admin or "/") + rng.choice(
                ("", "index.php", "settings", "users?page=2", "sql?db=main&table=posts")
            )
            person.get(time, target, rng.choice(("GET", "POST")), 200, int(rng.lognormvariate(8.7, 0.8)))
            time += pause(rng, 15)


def backup(stage: Stage, rng: Random, window: Window, *, weekday: int = 6, hour: float = 2.0, files: int = 40) -> None:
    """The weekly backup from outside: a few dozen big files from one known address, always at the same hour."""
    address = stage.enter(stage.book.one(rng, "hosting"), "backup")
    agent = rng.choice(("Wget/1.21.3", "curl/7.88.1", "rclone/v1.64.0", "restic/0.16.4", "python-requests/2.31.0"))
    names = [f"/export/{words.name(rng)}-{i:03d}.tar.zst" for i in range(files)]
    day = window[0] - window[0] % 86400
    while day < window[1]:
        time = day + hour * 3600 + rng.uniform(0, 300)
        if int(day // 86400 + 3) % 7 == weekday and window[0] <= time < window[1]:
            for target in names:
                request(
                    stage,
                    rng,
                    time,
                    address,
                    "GET",
                    target,
                    agent,
                    status=200,
                    size=int(rng.lognormvariate(17.5, 0.5)),
                    user="backup",
                )
                time += rng.uniform(20, 70)
        day += 86400

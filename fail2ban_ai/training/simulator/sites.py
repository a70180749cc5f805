"""Web sites: what pages, assets, log-in and answers a site has. Every site's names are its own, drawn from the seed."""

from dataclasses import dataclass, field
from random import Random

from . import words
from .layouts import KINDS, layout, slugs


@dataclass(slots=True)
class Site:
    """One site. Paths are as clients send them (encoded); sizes are bytes of the usual answer."""

    kind: str
    host: str
    lang: str
    pages: list[str]
    sizes: dict[str, int]  # every path (without query) that answers 200
    shared: list[str]  # assets that each page pulls in
    images: list[str]
    search: str  # target of a search, "{}" where the encoded words go
    login: str
    login_field: str  # how a failed log-in answers: its status, as text, "200" for WordPress and kin
    after_login: list[str]
    feed: str
    api: list[str]
    stale: list[str]  # paths that existed once: bookmarks, old links and crawlers still ask for them
    param: str  # a page whose parameter goes into a query; "{}" where the value goes
    missing: (
        str  # "404" | "spa" (200 for everything) | "redirect" (301 to the front page) | "forbidden" (403 for dot files)
    )
    missing_size: int
    protocol: str  # of browsers, "HTTP/2.0" or "HTTP/1.1"
    robots: bool
    admin: str | None  # where this site's own admin area is
    fragile: bool  # a quote in `param` breaks the query: 500
    users: list[str] = field(default_factory=list)

    def answer(self, rng: Random, method: str, target: str) -> tuple[int, int]:  # noqa: PLR0911 - one for each answer
        """Status and bytes for a request of someone who is not logged in."""
        path = target.split("?", 1)[0].split("#", 1)[0]
        if method not in {"GET", "HEAD", "POST", "OPTIONS"}:
            return 405, 157
        if path in self.sizes:
            size = 0 if method == "HEAD" else int(self.sizes[path] * rng.uniform(0.995, 1.005))
            return (200, size) if method != "OPTIONS" else (204, 0)
        if path == self.admin or (self.admin and path.startswith(self.admin.rstrip("/") + "/")):
            return 302, 0
        if self.missing == "spa" and "." not in path.rsplit("/", 1)[-1]:
            return 200, self.sizes["/"]
        if self.missing == "redirect" and rng.random() < 0.9:
            return 301, 162
        if self.missing == "forbidden" and "/." in path:
            return 403, 153
        return 404, self.missing_size + (len(path) if self.missing_size % 2 else 0)


_STEMS = ("main", "site", "script", "global", "functions", "menu", "slider", "print", "ie", "sprite", "loader", "theme")
_PLACES = ("", "", "/js", "/css", "/img", "/assets", "/static", "/inc", "/lib/js")
_ENDINGS = (".js", ".js", ".css", ".css", ".png", ".gif", ".min.js", ".woff2", ".map", "2.js")


def _by_hand(host: str, shared: list[str], sizes: dict[str, int]) -> list[str]:
    """Assets of sites made by hand: short names anywhere, some of them referred to by every page and long gone.

    From a stream of its own, so that it changes nothing else of a site.
    """
    rng = Random(f"assets/{host}")  # noqa: S311 - simulated traffic, nothing secret
    if rng.random() < 0.25:
        del sizes["/favicon.ico"]
    assets = list(shared)
    if rng.random() < 0.55:
        gone = rng.choice((0.0, 0.3, 0.6))
        for _ in range(rng.randrange(1, 6)):
            path = f"{rng.choice(_PLACES)}/{rng.choice(_STEMS)}{rng.choice(_ENDINGS)}"
            assets.append(path)
            if rng.random() >= gone:
                sizes[path] = int(rng.lognormvariate(8.6, 1.3)) + 90
    return assets


def make(rng: Random, kind: str | None, accounts: list[str]) -> Site:
    """A site of a kind (None: any), all its names its own."""
    kind = kind or rng.choice(KINDS)
    lang = words.language(rng)
    lay = layout(kind, rng, lang, rng.randrange(15, 120))
    text: dict[str, str] = {k: v for k, v in lay.items() if isinstance(v, str)}
    lists: dict[str, list[str]] = {k: v for k, v in lay.items() if not isinstance(v, str)}
    old = slugs(rng, lang, 24)
    stale = [f"/{s}{rng.choice(('', '/', '.html', '.php', '.pdf'))}" for s in old]
    stale += [f"/{rng.choice(('archive', 'news', 'files', 'old', 'img', 'downloads'))}/{s}" for s in old[:12]]
    sizes = {"/favicon.ico": 1150, "/": 0}
    for path in [*lists["pages"], text["feed"], text["login"], text["search"], text["param"], *lists["api"]]:
        sizes[path.split("?", 1)[0]] = int(rng.lognormvariate(9.3, 0.8)) + 400
    for path in [*lists["shared"], *lists["images"]]:
        sizes[path.split("?", 1)[0]] = int(rng.lognormvariate(9.6, 1.3)) + 150
    for template in lists["api"]:
        sizes |= {template.split("?", 1)[0].replace("{n}", str(i)): rng.randrange(200, 4000) for i in range(1, 200)}
    robots = rng.random() < 0.7
    if robots:
        sizes["/robots.txt"] = rng.randrange(26, 900)
    if rng.random() < 0.6:
        sizes["/sitemap.xml"] = rng.randrange(900, 90000)
    if kind == "blog":
        sizes |= {"/xmlrpc.php": 42, "/wp-cron.php": 0, "/wp-includes/wlwmanifest.xml": 1045, "/readme.html": 7400}
    failed = {"blog": "200", "spa": "401", "forum": "200", "wiki": "200"}.get(kind) or rng.choice(
        ("200", "401", "302", "422", "403")
    )
    missing = rng.choices(("404", "spa", "redirect", "forbidden"), (70, 25 if kind == "spa" else 3, 8, 12))[0]
    host = f"{words.name(rng)}.example.{rng.choice(('com', 'org', 'net'))}"
    return Site(
        kind=kind,
        host=host,
        lang=lang,
        pages=lists["pages"],
        sizes=sizes,
        shared=_by_hand(host, lists["shared"], sizes),
        images=lists["images"],
        search=text["search"],
        login=text["login"],
        login_field=failed,
        after_login=lists["after"],
        feed=text["feed"],
        api=lists["api"] + lists.get("git", []),
        stale=stale,
        param=text["param"],
        missing=missing,
        missing_size=rng.choice((146, 153, 162, 209, 437, 548, 792, 1245, 3650, 9120)),
        protocol="HTTP/2.0" if rng.random() < 0.4 else "HTTP/1.1",
        robots=robots,
        admin=text["admin"],
        fragile=rng.random() < 0.6,
        users=accounts,
    )

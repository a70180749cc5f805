"""How sites of each kind are laid out: pages, assets, search, log-in and the rest, every name drawn anew."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from urllib.parse import quote

from . import words

Layout = dict[str, list[str] | str]


@dataclass(frozen=True, slots=True)
class _Draw:
    """What a layout draws its names from."""

    rng: Random
    lang: str
    n: int
    slugs: list[str]
    h: str  # a hash, as build tools put it into asset names
    theme: str
    ver: str
    year: int


def slugs(rng: Random, lang: str, n: int, joiner: str = "-") -> list[str]:
    """`n` different slugs of a language, percent-encoded."""
    found: dict[str, None] = {}
    while len(found) < n:
        found[quote(joiner.join(words.phrase(rng, lang, 2, 5)).replace("'", ""))] = None
    return list(found)


def _blog(d: _Draw) -> Layout:
    rng, n, slugs, theme, ver, year = d.rng, d.n, d.slugs, d.theme, d.ver, d.year
    style = rng.randrange(3)
    pages = [
        (f"/{year - i % 6}/{1 + i % 12:02d}/{s}/", f"/{s}/", f"/?p={7 * i + 11}")[style] for i, s in enumerate(slugs)
    ]
    base = f"/wp-content/themes/{theme}"
    return {
        "pages": ["/", "/about/", *pages],
        "shared": [
            f"{base}/style.css?ver={ver}",
            f"{base}/js/{words.name(rng)}.js?ver={ver}",
            f"/wp-includes/js/jquery/jquery.min.js?ver=3.{rng.randrange(1, 8)}.1",
            f"/wp-content/plugins/{words.name(rng)}/assets/front.css?ver=1.{rng.randrange(0, 30)}",
        ],
        "images": [
            f"/wp-content/uploads/{year}/{1 + i % 12:02d}/{words.name(rng)}-{('1024x768', '300x200')[i % 2]}.jpg"
            for i in range(n)
        ],
        "search": "/?s={}",
        "login": "/wp-login.php",
        "after": ["/wp-admin/", "/wp-admin/edit.php", "/wp-admin/post-new.php", "/wp-admin/admin-ajax.php"],
        "feed": "/feed/",
        "api": ["/wp-json/wp/v2/posts?per_page=10&page={n}", "/wp-json/wp/v2/media/{n}"],
        "param": rng.choice(("/?cat={}", "/?p={}", f"/wp-content/plugins/{words.name(rng)}/list.php?id={{}}")),
        "admin": "/wp-admin/",
    }


def _shop(d: _Draw) -> Layout:
    rng, n, slugs, h, theme = d.rng, d.n, d.slugs, d.h, d.theme
    one, many = rng.choice((("product", "category"), ("p", "c"), ("item", "collections"), ("produkt", "kategorie")))
    pages = [f"/{one}/{s}" for s in slugs[: n * 3 // 4]] + [f"/{many}/{s}" for s in slugs[n * 3 // 4 :]]
    return {
        "pages": ["/", "/cart", *pages],
        "shared": [f"/static/{h}/shop.css", f"/static/{h}/vendor.js", f"/media/{theme}-logo.svg", "/js/cart.js"],
        "images": [f"/media/catalog/{words.name(rng)}_{i}.webp" for i in range(n)],
        "search": rng.choice(("/search?q={}", "/catalogsearch/result/?q={}", "/suche?begriff={}")),
        "login": rng.choice(("/account/login", "/customer/account/loginPost/", "/login")),
        "after": ["/account", "/account/orders", "/checkout", "/cart/update"],
        "feed": "/rss/new",
        "api": ["/api/products?page={n}&sort=price", "/api/stock/{n}"],
        "param": rng.choice(
            (f"/{many}/list?id={{}}", "/index.php?id_product={}&controller=product", "/product.php?id={}")
        ),
        "admin": rng.choice((f"/admin{rng.randrange(100, 999)}{theme[:3]}", "/admin", "/backend")),
    }


def _forum(d: _Draw) -> Layout:
    rng, n, slugs, h, theme = d.rng, d.n, d.slugs, d.h, d.theme
    if rng.random() < 0.5:
        pages = [f"/viewtopic.php?f={i % 9}&t={i * 13 + 7}" for i in range(n)]
        login, search = "/ucp.php?mode=login", "/search.php?keywords={}"
    else:
        pages = [f"/t/{s}/{i * 17 + 5}" for i, s in enumerate(slugs)]
        login, search = "/session", "/search?q={}"
    return {
        "pages": ["/", *pages],
        "shared": [
            f"/styles/{theme}/theme/stylesheet.css?assets_version={rng.randrange(9, 99)}",
            f"/assets/javascript/core-{h}.js",
        ],
        "images": [f"/download/file.php?id={i}&mode=view" for i in range(1, n)]
        + [f"/images/avatars/{words.name(rng)}.png" for _ in range(9)],
        "search": search,
        "login": login,
        "after": ["/ucp.php", "/posting.php?mode=reply&f=2&t=7", "/notifications"],
        "feed": "/feed.php",
        "api": ["/latest.json?page={n}"],
        "param": rng.choice(("/viewforum.php?f={}", "/memberlist.php?mode=viewprofile&u={}")),
        "admin": "/adm/",
    }


def _wiki(d: _Draw) -> Layout:
    rng, lang, n, slugs, h, theme = d.rng, d.lang, d.n, d.slugs, d.h, d.theme
    titles = [s[:1].upper() + s[1:].replace("-", "_") for s in slugs]
    return {
        "pages": [
            "/",
            "/wiki/Main_Page",
            *[f"/wiki/{t}" for t in titles],
            *[f"/w/index.php?title={t}&action=history" for t in titles[: n // 5]],
        ],
        "shared": [
            f"/w/load.php?lang={lang}&modules=startup&only=scripts&skin={theme}",
            f"/w/resources/assets/{theme}.png?{h[:5]}",
        ],
        "images": [f"/w/images/{h[i % 8]}/{h[i % 8]}{h[(i + 1) % 8]}/{words.name(rng).title()}.png" for i in range(n)],
        "search": "/w/index.php?search={}&title=Special%3ASearch",
        "login": "/w/index.php?title=Special:UserLogin",
        "after": [
            "/w/index.php?title=Main_Page&action=edit",
            "/wiki/Special:Watchlist",
            "/wiki/Special:RecentChanges",
        ],
        "feed": "/w/index.php?title=Special:RecentChanges&feed=atom",
        "api": ["/w/api.php?action=query&format=json&pageids={n}"],
        "param": "/w/index.php?oldid={}",
        "admin": "/w/index.php",
    }


def _spa(d: _Draw) -> Layout:
    rng, n, h = d.rng, d.n, d.h
    areas = [words.name(rng) for _ in range(6)]
    return {
        "pages": ["/", *[f"/app/{a}" for a in areas], *[f"/app/{areas[i % 6]}/{i * 3 + 1}" for i in range(n)]],
        "shared": [
            f"/assets/index-{h}.js",
            f"/assets/index-{h[::-1]}.css",
            "/manifest.json",
            f"/assets/vendor-{h[2:]}.js",
        ],
        "images": [f"/assets/{words.name(rng)}-{h}.svg" for _ in range(12)],
        "search": "/api/v1/search?q={}&limit=20",
        "login": rng.choice(("/api/v1/auth/login", "/api/session", "/auth/token")),
        "after": [
            "/api/v1/me",
            "/api/v1/notifications?unread=true",
            f"/api/v1/{areas[0]}?filter=%7B%22state%22%3A%22open%22%7D",
        ],
        "feed": "/api/v1/changes.atom",
        "api": [f"/api/v1/{a}/{{n}}" for a in areas]
        + [f"/api/v1/{areas[1]}?filter=%7B%22owner%22%3A{{n}}%7D&sort=-id"],
        "param": f"/api/v1/{areas[2]}?id={{}}",
        "admin": "/app/settings",
    }


def _webmail(d: _Draw) -> Layout:
    rng, n = d.rng, d.n
    return {
        "pages": [
            "/",
            *[f"/?_task=mail&_mbox=INBOX&_page={i}" for i in range(1, 9)],
            *[f"/?_task=mail&_uid={i * 3}&_mbox=INBOX&_action=show" for i in range(n)],
        ],
        "shared": [
            f"/skins/elastic/styles/styles.min.css?s={rng.randrange(10**9)}",
            f"/program/js/app.min.js?s={rng.randrange(10**9)}",
            "/skins/elastic/images/logo.svg",
        ],
        "images": [f"/?_task=addressbook&_action=photo&_cid={i}" for i in range(12)],
        "search": "/?_task=mail&_action=search&_q={}&_headers=subject",
        "login": "/?_task=login",
        "after": [
            "/?_task=mail&_refresh=1&_remote=1&_unlock=0",
            "/?_task=mail&_action=list&_mbox=INBOX",
            "/?_task=mail&_action=compose",
        ],
        "feed": "/robots.txt",
        "api": ["/?_task=mail&_action=refresh&_remote=1&_={n}"],
        "param": "/?_task=mail&_uid={}&_mbox=INBOX&_action=show",
        "admin": "/installer/",
    }


def _git(d: _Draw) -> Layout:
    rng, n, h, ver = d.rng, d.n, d.h, d.ver
    owners = [words.name(rng) for _ in range(4)]
    repos = [f"/{rng.choice(owners)}/{words.name(rng)}" for _ in range(max(4, n // 6))]
    tails = (
        "",
        "/issues",
        "/src/branch/main/README.md",
        "/commits/branch/main",
        "/releases",
        "/src/branch/main/.env.example",
        "/raw/branch/main/config.php",
    )
    return {
        "pages": ["/", "/explore/repos", *[r + rng.choice(tails) for r in repos for _ in range(4)]],
        "shared": [f"/assets/css/index.css?v={ver}", f"/assets/js/index.js?v={ver}", "/assets/img/logo.svg"],
        "images": [f"/avatars/{h}{i:04x}" for i in range(12)],
        "search": "/explore/repos?q={}",
        "login": "/user/login",
        "after": ["/", "/notifications", "/user/settings", repos[0] + "/pulls"],
        "feed": repos[0] + ".rss",
        "api": ["/api/v1/repos/search?page={n}", f"/api/v1/repos{repos[0]}/issues?page={{n}}"],
        "param": f"{repos[0]}/issues?labels={{}}",
        "admin": "/admin",
        "git": [r + ".git" for r in repos],
    }


def _legacy(d: _Draw) -> Layout:
    rng, n = d.rng, d.n
    ext = rng.choice(("php", "asp", "jsp", "cgi", "do", "html"))
    names = [words.name(rng) for _ in range(max(4, n // 4))]
    folder = rng.choice(("", "/" + words.name(rng)))
    return {
        "pages": [
            folder + "/" if folder else "/",
            *[f"{folder}/{m}.{ext}" for m in names],
            *[f"{folder}/{names[i % len(names)]}.{ext}?id={i}" for i in range(n)],
        ],
        "shared": [
            f"{folder}/css/main.css",
            f"{folder}/js/jquery-1.{rng.randrange(4, 12)}.min.js",
            f"{folder}/images/header.gif",
            f"{folder}/images/bg{rng.randrange(9)}.gif",
        ],
        "images": [f"{folder}/images/{words.name(rng)}.gif" for _ in range(n)],
        "search": f"{folder}/search.{ext}?query={{}}",
        "login": rng.choice((f"{folder}/login.{ext}", f"{folder}/admin/index.{ext}", f"/cgi-bin/{names[0]}.{ext}")),
        "after": [f"{folder}/member.{ext}", f"{folder}/profile.{ext}?tab=1"],
        "feed": f"{folder}/rss.xml",
        "api": [f"{folder}/ajax.{ext}?op=list&n={{n}}"],
        "param": f"{folder}/{names[1]}.{ext}?id={{}}",
        "admin": rng.choice(("/phpmyadmin/", "/admin/", "/manage/")),
    }


def _static(d: _Draw) -> Layout:
    rng, n, slugs, theme = d.rng, d.n, d.slugs, d.theme
    folders = [words.name(rng) for _ in range(4)]
    tail = rng.choice((".html", "/", ".htm"))
    return {
        "pages": ["/", *[f"/{folders[i % 4]}/{s}{tail}" for i, s in enumerate(slugs)]],
        "shared": [f"/css/{theme}.css", f"/js/{theme}.min.js", f"/fonts/{words.name(rng)}.woff2"],
        "images": [f"/img/{words.name(rng)}.{rng.choice(('jpg', 'png', 'webp'))}" for _ in range(n)],
        "search": "/search/?q={}",
        "login": f"/{folders[0]}/members/login",
        "after": [f"/{folders[0]}/members/"],
        "feed": rng.choice(("/index.xml", "/atom.xml", "/rss.xml")),
        "api": ["/data/{n}.json"],
        "param": "/search/?page={}",
        "admin": rng.choice(("/cms/", "/admin/", "/keystatic/")),
    }


_KINDS: dict[str, Callable[[_Draw], Layout]] = {
    "blog": _blog,
    "shop": _shop,
    "forum": _forum,
    "wiki": _wiki,
    "spa": _spa,
    "static": _static,
    "webmail": _webmail,
    "git": _git,
    "legacy": _legacy,
}
KINDS = tuple(_KINDS)


def layout(kind: str, rng: Random, lang: str, n: int) -> Layout:
    """A layout of one of KINDS with about `n` pages."""
    found = slugs(rng, lang, n)
    h = "".join(rng.choice("0123456789abcdef") for _ in range(8))
    theme, ver = words.name(rng), f"{rng.randrange(3, 7)}.{rng.randrange(0, 9)}.{rng.randrange(0, 5)}"
    return _KINDS[kind](_Draw(rng, lang, n, found, h, theme, ver, rng.randrange(2012, 2026)))

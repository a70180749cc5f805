"""People with browsers: what one page view asks for, a visit, a search, a log-in."""

# ruff: noqa: PLR0917 - a log line has that many fields

from random import Random
from urllib.parse import quote, quote_plus

from . import agents, words
from .clock import pause
from .stage import Stage
from .web_lines import request

_EXTERNAL = (
    "https://www.google.com/",
    "https://www.bing.com/",
    "https://duckduckgo.com/",
    "https://t.co/{}",
    "https://www.facebook.com/",
    "android-app://com.google.android.gm/",
)
_TRICKY = (
    "o'reilly",
    "o'reilly select",
    "rock'n'roll",
    "c++ vs c#",
    "100% wool",
    "select * from",
    "union select explained",
    "drop table order by",
    "what is ' or 1=1",
    "<b>bold</b> html",
    "script tag",
    "etc/passwd format",
    "l'été d'automne",
    "2 for 1; free",
    "tom & jerry",
    'the "best" of',
    "it's -- really",
    "50% off + free shipping",
    "../ relative path",
)
ARTICLES = (
    "how-union-select-works-in-sql",
    "sql-injection-explained-or-1-1",
    "the-union-select-committee-report",
    "drop-table-students-and-other-jokes",
    "what-is-etc-passwd",
    "xss-script-alert-1-tutorial",
    "wp-login-php-hardening",
    "phpmyadmin-install-guide",
)


class Browser:
    """One person's browser: its agent, what it has cached, the page it is on."""

    def __init__(self, stage: Stage, rng: Random, address: str, agent: str | None = None) -> None:
        self.stage, self.rng, self.address = stage, rng, address
        self.agent = agent or agents.browser(rng, stage.scenario.year)
        self.base = f"https://{stage.site.host}"
        self.referer = "-"
        self._cached: set[str] = set()
        self._images = rng.random() < 0.9

    def get(
        self,
        time: float,
        target: str,
        method: str = "GET",
        status: int | None = None,
        size: int | None = None,
        referer: str | None = None,
    ) -> int:
        """One request with this browser's agent and referer."""
        site = self.stage.site
        return request(
            self.stage,
            self.rng,
            time,
            self.address,
            method,
            target,
            self.agent,
            referer or self.referer,
            status,
            size,
            protocol=site.protocol,
        )

    def view(self, time: float, target: str, status: int | None = None) -> int:
        """A page with its assets: those not cached, a few asked for again (304)."""
        rng, site = self.rng, self.stage.site
        answered = self.get(time, target, status=status)
        self.referer = self.base + target.split("#", 1)[0]
        if answered != 200 or not self._images:
            return answered
        wanted = [*site.shared, *rng.sample(site.images, min(len(site.images), rng.randrange(0, 6)))]
        if not self._cached and rng.random() < 0.75:
            wanted.append("/favicon.ico")
        t = time + rng.uniform(0.05, 0.6)
        for asset in wanted:
            if asset not in self._cached:
                self.get(t, asset)
            elif rng.random() < 0.08:
                self.get(t, asset, status=304, size=0)
            self._cached.add(asset)
            t += rng.expovariate(8)
        if rng.random() < 0.012:
            self.get(
                t,
                rng.choice(
                    (
                        "/apple-touch-icon.png",
                        "/apple-touch-icon-precomposed.png",
                        "/favicon.png",
                        "/.well-known/assetlinks.json",
                    )
                ),
            )
        return answered

    def search(self, time: float, text: str) -> int:
        """A search as a browser encodes it: %20 or +, non-Latin letters as UTF-8."""
        encode = quote_plus if self.rng.random() < 0.6 else quote
        return self.view(time, self.stage.site.search.replace("{}", encode(text)))

    def login(self, time: float, user: str, mistypes: int = 0) -> float:
        """The log-in form, `mistypes` wrong passwords, then the right one and a page behind it; returns the end."""
        rng, site = self.rng, self.stage.site
        api = site.kind == "spa"
        if not api:
            self.view(time, site.login)
        time += pause(rng, 9, 0.5)
        for _ in range(mistypes):
            post_login(self.stage, rng, time, self.address, self.agent, False, self.referer)
            time += pause(rng, 12, 0.6)
        post_login(self.stage, rng, time, self.address, self.agent, True, self.referer)
        time += rng.uniform(0.3, 1.2)
        for target in rng.sample(site.after_login, min(len(site.after_login), rng.randrange(1, 4))):
            method = "POST" if target.endswith(("update", "admin-ajax.php")) or "_remote" in target else "GET"
            self.get(time, target, method, 200, int(rng.lognormvariate(8.5, 1)))
            time += pause(rng, 20)
        return time

    def visit(self, time: float, pages: int) -> float:
        """A visit of `pages` page views, with searches, missing files and pages about odd things among them."""
        rng, site = self.rng, self.stage.site
        if rng.random() < 0.5:
            self.referer = rng.choice(_EXTERNAL).replace("{}", words.name(rng))
        for _ in range(pages):
            draw = rng.random()
            if draw < 0.05:
                self.search(time, search_text(rng, site.lang))
            elif draw < 0.08:
                self.view(time, rng.choice(site.stale))
            elif draw < 0.10:
                slug = rng.choice(ARTICLES)
                self.view(time, f"/{rng.choice(('blog', 'docs', 'articles'))}/{slug}", 200)
            elif draw < 0.13:
                self.view(time, _decorated(rng, site.host, rng.choice(site.pages)))
            else:
                page = (
                    "/"
                    if rng.random() < 0.2
                    else site.pages[min(int(rng.expovariate(5 / len(site.pages))), len(site.pages) - 1)]
                )
                self.view(time, page)
            if site.kind == "spa" and rng.random() < 0.7:
                for _ in range(rng.randrange(1, 4)):
                    self.get(time + rng.random(), rng.choice(site.api).replace("{n}", str(rng.randrange(1, 200))))
            time += pause(rng, 28, 1.1)
        return time


def post_login(stage: Stage, rng: Random, time: float, address: str, agent: str, ok: bool, referer: str = "-") -> None:
    """The POST of a log-in form: how a site answers tells whether it worked."""
    site = stage.site
    if ok:
        status = 200 if site.kind == "spa" else 302
        size = rng.randrange(300, 900) if status == 200 else 0
    else:
        status = int(site.login_field)
        size = (
            0 if status == 302 else 40 + site.sizes[site.login.split("?", 1)[0]] // (20 if status in {401, 403} else 1)
        )
    target = site.login if status != 302 or ok else f"{site.login}{'&' if '?' in site.login else '?'}error=1"
    request(stage, rng, time, address, "POST", site.login if ok else target, agent, referer, status, size)


def search_text(rng: Random, lang: str) -> str:
    """What people search for: words of their language, names with apostrophes, talk about code."""
    draw = rng.random()
    if draw < 0.3:
        return rng.choice(_TRICKY)
    return " ".join(words.phrase(rng, lang if draw < 0.8 else words.language(rng), 1, 4))


def _decorated(rng: Random, host: str, page: str) -> str:
    """A page with what campaigns, single sign-on and widgets put into its query: nested URLs, JSON, long tokens."""
    glue = "&" if "?" in page else "?"
    token = "".join(
        rng.choice("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")
        for _ in range(rng.randrange(20, 90))
    )
    return (
        page
        + glue
        + rng.choice(
            (
                f"fbclid={token}",
                f"gclid={token}",
                "utm_source=newsletter&utm_medium=email&utm_campaign=" + words.name(rng),
                f"return_to={quote(f'https://{host}/account?tab=1&x=2', safe='')}",
                f"redirect=https%3A%2F%2F{host}%2Flogin%3Fnext%3D%252Faccount",
                "state=" + quote('{"page":1,"sort":"name","open":[3,7]}', safe=""),
                f"q=1&_={rng.randrange(10**12)}&callback=jQuery{rng.randrange(10**15)}",
            )
        )
    )

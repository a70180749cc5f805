"""Hostile parts on the web. Attackers use everyone's agents, touch real pages too, and may be short."""

import re
from random import Random

from . import agents, probes
from .clock import HOUR, log_between, pause
from .probes import encode
from .stage import Stage
from .visitors import Browser, post_login
from .web_lines import garbage, request

Window = tuple[float, float]
_BOTSEARCH = re.compile(r"mail|pma|myadmin|mysqladmin|cgi-bin|wp-(login|signup|admin)", re.IGNORECASE)


def _agent(rng: Random, stage: Stage) -> str:
    """A scanner's agent: a current browser's as often as a careless one."""
    year = stage.scenario.year
    return agents.browser(rng, year, 0.15) if rng.random() < 0.5 else agents.careless(rng, year)


def _wordlist(rng: Random, name: str | None = None) -> list[str]:
    """A list by name, "shells" among them, or one or two of probes.LISTS."""
    if name == "shells":
        return [rng.choice(probes.SHELL_FOLDERS) + shell for shell in rng.sample(probes.SHELLS, len(probes.SHELLS))]
    found = list(probes.LISTS[name] if name else rng.choice(list(probes.LISTS.values())))
    if name is None and rng.random() < 0.4:
        found += rng.choice(list(probes.LISTS.values()))
    if rng.random() < 0.5:
        rng.shuffle(found)
    return found


def slow_scan(
    stage: Stage,
    rng: Random,
    window: Window,
    *,
    low: float = 1200.0,
    high: float = 5400.0,
    steps: int = 0,
    wordlist: str | None = "admin",
) -> None:
    """One address walks a list of admin pages, `low` to `high` seconds apart, for as long as the window lasts."""
    address = stage.enter(
        stage.book.one(rng, rng.choice(("hosting", "home")), 0.05),
        "slow_scan",
        "hostile",
        "slow_scan",
        stage.campaign(),
    )
    agent = _agent(rng, stage)
    time = window[0] + rng.uniform(0, 600)
    targets = _wordlist(rng, wordlist)
    if steps:  # only what this site does not have
        targets = [target for target in targets if not _exists(stage, target)]
    for target in targets[: steps or rng.randrange(8, 30)]:
        if time >= window[1]:
            break
        request(stage, rng, time, address, "GET", target, agent, status=404 if steps else None)
        time += rng.uniform(low, high)


def _exists(stage: Stage, target: str) -> bool:
    area = (stage.site.admin or "/-").rstrip("/")
    return target in stage.site.sizes or target == area or target.startswith(area + "/")


def fast_scan(stage: Stage, rng: Random, window: Window, *, most: int = 150, wordlist: str | None = None) -> None:
    """A scanner that walks one or more lists in seconds to minutes, from one address."""
    address = stage.enter(
        stage.book.one(rng, "hosting" if rng.random() < 0.75 else "home", 0.05),
        "fast_scan",
        "hostile",
        "scan",
        stage.campaign(),
    )
    agent = _agent(rng, stage)
    time = rng.uniform(*window)
    speed = log_between(rng, 0.05, 20)
    targets = (
        _wordlist(rng, wordlist)
        if wordlist or rng.random() < 0.7
        else [rng.choice(probes.SHELL_FOLDERS) + rng.choice(probes.SHELLS) for _ in range(rng.randrange(4, most))]
    )
    if rng.random() < 0.4:
        targets.insert(0, "/")
    count = 1 + int(rng.expovariate(1 / 9)) if rng.random() < 0.7 else rng.randrange(10, most)
    method = rng.choices(("GET", "POST", "HEAD"), (8, 2, 1))[0]
    for target in targets[:count]:
        if rng.random() < 0.05:
            agent = _agent(rng, stage)
        request(stage, rng, time, address, method if target != "/" else "GET", target, agent)
        time += rng.expovariate(1 / speed)


def distributed_scan(stage: Stage, rng: Random, window: Window, *, n: int = 25, wordlist: str | None = None) -> None:
    """One list shared out: each of `n` addresses asks for one to three of its paths."""
    campaign = stage.campaign()
    targets = _wordlist(rng, wordlist)
    same = _agent(rng, stage) if rng.random() < 0.6 else None
    for i, address in enumerate(stage.book.many(rng, n, rng.choice(("hosting", "home")))):
        stage.enter(address, "distributed_scan", "hostile", "scan", campaign)
        agent = same or _agent(rng, stage)
        time = rng.uniform(*window)
        for k in range(rng.randrange(1, 4)):
            request(stage, rng, time, address, "GET", targets[(3 * i + k) % len(targets)], agent)
            time += pause(rng, 40, 1.5)


def sqli(stage: Stage, rng: Random, window: Window, *, count: int = 0) -> None:
    """SQL injection probing of one parameter: the plain page first, quotes, encodings, UNION; fragile pages say 500."""
    address = stage.enter(
        stage.book.one(rng, rng.choice(("hosting", "home")), 0.05), "sqli", "hostile", "injection", stage.campaign()
    )
    agent = _agent(rng, stage)
    site = stage.site
    param = rng.choice((site.param, site.param, site.search))
    time = window[0] + rng.random() * max(0.0, window[1] - window[0] - 1800)
    speed = log_between(rng, 0.3, 60)
    base = str(rng.randrange(1, 60))
    size = site.sizes[site.param.split("?", 1)[0]]
    request(stage, rng, time, address, "GET", param.replace("{}", base), agent, status=200, size=size)
    payloads = list(probes.SQLI)
    if not count and rng.random() < 0.5:
        payloads = payloads[:2] + rng.sample(payloads[2:], len(payloads) - 2)
    order = ("quoted", "quoted", "double", "unicode", "comment") if count else ()
    for i, payload in enumerate(payloads[: count or 1 + int(rng.expovariate(1 / 8))]):
        time += rng.expovariate(1 / speed)
        value = encode(rng, payload, order[i] if i < len(order) else None)
        odd = payload.count("'") % 2 == 1 or payload.count('"') % 2 == 1
        broken = (site.fragile or count) and odd
        status = 500 if broken else rng.choices((200, 404, 403, 400), (85, 6, 6, 3))[0]
        request(
            stage,
            rng,
            time,
            address,
            "GET",
            param.replace("{}", value),
            agent,
            status=status,
            size=rng.randrange(150, 900) if broken else size,
        )


def injections(stage: Stage, rng: Random, window: Window, *, family: str | None = None) -> None:
    """Script, path or command injection (`family`: of probes.INJECTIONS) on the site's parameters and in headers."""
    address = stage.enter(stage.book.one(rng, "hosting", 0.05), "injection", "hostile", "injection", stage.campaign())
    agent = _agent(rng, stage)
    drawn = rng.choice((probes.XSS, probes.TRAVERSAL, probes.COMMANDS))
    payloads = probes.INJECTIONS[family] if family else drawn
    time = rng.uniform(*window)
    speed = log_between(rng, 0.3, 300)
    for _ in range(1 + int(rng.expovariate(1 / 5))):
        payload = rng.choice(payloads)
        where = rng.random()
        target = rng.choice((stage.site.search, stage.site.param)).replace("{}", encode(rng, payload))
        if where < 0.15 and payload.startswith("${"):
            request(stage, rng, time, address, "GET", "/", payload, payload)
        else:
            request(stage, rng, time, address, "GET", target, agent)
        time += rng.expovariate(1 / speed)


def distributed_injection(stage: Stage, rng: Random, window: Window, *, n: int = 12, family: str | None = None) -> None:
    """One page tried from `n` unrelated networks: one to three payloads each, hours apart, as browsers, answered."""
    campaign = stage.campaign()
    site = stage.site
    target = rng.choice((site.search, site.param))
    drawn = rng.choice((probes.SQLI, probes.XSS, probes.TRAVERSAL, probes.COMMANDS, probes.SQLI + probes.XSS))
    payloads = probes.INJECTIONS[family] if family else drawn
    for address in stage.book.many(rng, n, rng.choice(("home", "hosting"))):
        stage.enter(address, "distributed_injection", "hostile", "injection", campaign)
        agent = _agent(rng, stage)
        time = rng.uniform(*window)
        for payload in rng.sample(payloads, rng.randrange(1, 4)):
            status = 200 if rng.random() < 0.9 else None
            request(stage, rng, time, address, "GET", target.replace("{}", encode(rng, payload)), agent, status=status)
            time += log_between(rng, 60, 4 * HOUR)


def exploit(stage: Stage, rng: Random, window: Window) -> None:
    """One to a few known exploits, often nothing else from that address; bytes of other protocols among them."""
    address = stage.enter(
        stage.book.one(rng, rng.choice(("hosting", "home"))), "exploit", "hostile", "exploit_probe", stage.campaign()
    )
    agent = rng.choice(("-", "Hello, world", "Mozilla/5.0", _agent(rng, stage), _agent(rng, stage)))
    time = rng.uniform(*window)
    for _ in range(rng.choices((1, 2, 3, 6), (6, 2, 1, 1))[0]):
        draw = rng.random()
        if draw < 0.15:
            garbage(stage, rng, time, address, rng.choice(probes.GARBAGE))
        elif draw < 0.6:
            method, target = rng.choice(probes.EXPLOITS)
            status = 400 if "%2e/" in target and rng.random() < 0.6 else None
            request(stage, rng, time, address, method, target, agent, status=status)
        else:
            request(
                stage,
                rng,
                time,
                address,
                rng.choice(("GET", "GET", "POST")),
                rng.choice(probes.SECRETS + probes.DEVICES),
                agent,
            )
        time += pause(rng, 3, 1.6)


def scripted(stage: Stage, rng: Random, window: Window, *, faked: bool = False, count: int = 0) -> None:
    """A script that hammers the site: about 50 requests in two minutes by a library, or behind a browser's agent.

    It asks for pages without assets and tries log-ins, parameters and guessed paths, as no visitor does.
    """
    address = stage.enter(
        stage.book.one(rng, "hosting", 0.05),
        "scripted_faked" if faked else "scripted",
        "hostile",
        "scan",
        stage.campaign(),
    )
    year = stage.scenario.year
    agent = agents.browser(rng, year, 0.0) if faked else agents.script(rng, year)
    site = stage.site
    requests = count or rng.randrange(25, 120)
    time = window[0] + rng.random() * max(0.0, window[1] - window[0] - 130)
    step = 115.0 / requests
    pool = probes.ADMIN + probes.SECRETS + probes.SHELLS
    if count:  # stay clear of stock fail2ban's nginx-botsearch, which bans at the second such 404
        pool = [path for path in pool if not _BOTSEARCH.search(path)]
    guesses = rng.sample(pool, min(requests, 60, len(pool)))
    for i in range(requests):
        draw = rng.random()
        if draw < 0.45:
            target = "/" + guesses[i % len(guesses)].lstrip("/")
            request(stage, rng, time, address, "GET", target, agent)
        elif draw < 0.6:
            post_login(stage, rng, time, address, agent, False)
        elif draw < 0.8:
            request(stage, rng, time, address, "GET", site.param.replace("{}", str(i + 1)), agent)
        else:
            request(stage, rng, time, address, "GET", rng.choice(site.pages), agent)
        time += step * rng.uniform(0.7, 1.25)


def scraping(stage: Stage, rng: Random, window: Window, *, n: int = 1, pages: int = 400) -> None:
    """Copying the site: every page in turn without assets, without robots.txt, by one or several addresses at speed."""
    campaign = stage.campaign()
    agent = (
        agents.browser(rng, stage.scenario.year, 0.0) if rng.random() < 0.7 else agents.script(rng, stage.scenario.year)
    )
    for address in stage.book.many(rng, n):
        stage.enter(address, "scraping", "hostile", "scraping", campaign)
        time = rng.uniform(*window)
        speed = log_between(rng, 0.2, 4)
        for i in range(int(pages * rng.uniform(0.5, 1.2))):
            page = stage.site.pages[i % len(stage.site.pages)]
            target = (
                f"{page}{'&' if '?' in page else '?'}page={i // len(stage.site.pages) + 1}"
                if i >= len(stage.site.pages)
                else page
            )
            request(stage, rng, time, address, "GET", target, agent)
            time += rng.expovariate(1 / speed)


def flood(stage: Stage, rng: Random, window: Window, *, n: int = 5, count: int = 300) -> None:
    """Too many requests for the same page within a minute or two, from several addresses at once."""
    campaign = stage.campaign()
    start = rng.uniform(*window)
    target = rng.choice(("/", stage.site.search.replace("{}", "a"), stage.site.login))
    for address in stage.book.many(rng, n, rng.choice(("hosting", "home"))):
        stage.enter(address, "flood", "hostile", "flood", campaign)
        agent = _agent(rng, stage)
        time = start + rng.uniform(0, 10)
        for i in range(int(count * rng.uniform(0.5, 1.2))):
            bust = f"{'&' if '?' in target else '?'}{rng.randrange(10**6)}" if rng.random() < 0.5 else ""
            request(
                stage,
                rng,
                time,
                address,
                "GET",
                target + bust,
                agent,
                status=503 if i > 50 and rng.random() < 0.5 else None,
            )
            time += rng.expovariate(4)


def form_stuffing(
    stage: Stage, rng: Random, window: Window, *, addresses: list[str], campaign: str, most: int = 3
) -> None:
    """Each address posts one to `most` wrong passwords to the log-in form (the account is not in the access log)."""
    same = agents.browser(rng, stage.scenario.year, 0.1) if rng.random() < 0.5 else None
    length = window[1] - window[0]
    for address in addresses:
        stage.enter(address, "stuffing", "hostile", "credential_stuffing", campaign)
        agent = same or agents.careless(rng, stage.scenario.year)
        time = window[0] + rng.random() * length * 0.95
        if rng.random() < 0.3:
            request(stage, rng, time - 1.2, address, "GET", stage.site.login, agent)
        for _ in range(rng.randint(1, most)):
            post_login(stage, rng, time, address, agent, False)
            time += pause(rng, 30)


def botnet_posts(stage: Stage, rng: Random, window: Window, *, n: int = 40) -> None:
    """A botnet at wp-login.php or xmlrpc.php (there or not): one request from each address, hours long."""
    campaign = stage.campaign()
    target = rng.choice(("/wp-login.php", "/xmlrpc.php", "/wp-login.php"))
    there = target in stage.site.sizes
    same = agents.careless(rng, stage.scenario.year)
    for address in stage.book.many(rng, n, rng.choice(("home", "hosting"))):
        stage.enter(address, "botnet_post", "hostile", "credential_stuffing", campaign)
        agent = same if rng.random() < 0.5 else agents.browser(rng, stage.scenario.year, 0.1)
        time = rng.uniform(*window)
        if rng.random() < 0.3:
            request(stage, rng, time - 1, address, "GET", target, agent)
        request(stage, rng, time, address, "POST", target, agent, status=200 if there else None, size=None)


def surge(stage: Stage, rng: Random, window: Window, *, n: int = 6, count: int = 300, size: int = 0) -> None:
    """Out of hours: a few sources with many times the usual requests (or, with `size`, bytes): to be reported."""
    campaign = stage.campaign()
    for address in stage.book.many(rng, n):
        stage.enter(address, "out_of_hours", "hostile", "traffic_anomaly", campaign, "report")
        agent = agents.browser(rng, stage.scenario.year, 0.1)
        times = sorted(rng.uniform(window[0], window[1]) for _ in range(int(count * rng.uniform(0.8, 1.2))))
        for time in times:
            sent = int(size * rng.uniform(0.7, 1.3)) if size else None
            target = rng.choice(stage.site.pages)
            request(stage, rng, time, address, "GET", target, agent, status=200 if size else None, size=sent)


def compromise_form(stage: Stage, rng: Random, window: Window, *, tries: int = 12) -> None:
    """Guessing at the log-in form until it opens, then acts behind it."""
    address = stage.enter(stage.book.one(rng, "hosting"), "compromise", "hostile", "compromise", stage.campaign())
    person = Browser(stage, rng, address, agents.careless(rng, stage.scenario.year))
    time = rng.uniform(*window)
    for _ in range(rng.randrange(4, tries + 4)):
        post_login(stage, rng, time, address, person.agent, False)
        time += pause(rng, 8)
    post_login(stage, rng, time, address, person.agent, True)
    for target in stage.site.after_login:
        time += pause(rng, 3)
        person.get(time, target, rng.choice(("GET", "POST")), 200, rng.randrange(300, 9000))

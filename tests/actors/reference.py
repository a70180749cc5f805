"""Timelines as one would write them down first: one event after the other. Slow, without bounds on memory."""

from collections import defaultdict
from dataclasses import dataclass, field
from math import log1p, log2

import polars as pl

from fail2ban_ai.actors import texts
from fail2ban_ai.actors.columns import NUMERIC
from fail2ban_ai.addresses import actor_of, network_of

RETENTION = 35 * 86400.0
REFUSED = ("login_failed", "invalid_user", "reject", "failure")
SERVICES = {"web": "web", "sshd": "ssh", "dovecot": "mail", "postfix": "mail", "vsftpd": "ftp"}
METHODS = {"GET": "get", "POST": "post", "HEAD": "head", "": "malformed", None: "malformed"}


@dataclass
class Item:
    last: float = 0.0
    actors: set[tuple[str, float]] = field(default_factory=set)  # with the time their life began
    networks: list[str] = field(default_factory=list)
    pressed: int = 0
    known: bool = False


@dataclass
class Actor:
    first: float
    last: float
    counts: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    seen: dict[tuple, int] = field(default_factory=lambda: defaultdict(int))
    touched: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    own: set[str] = field(default_factory=set)
    services: set[str] = field(default_factory=set)
    login_days: list[int] = field(default_factory=list)
    hours: list[int] = field(default_factory=list)  # with requests that another site may have caused


def host_of(url: str | None) -> str:
    return (url or "").lower().removeprefix("http://").removeprefix("https://").removeprefix("www.").partition("/")[0]


class Walk:
    def __init__(self) -> None:
        self.actors: dict[str, Actor] = {}
        self.items: dict[tuple[str, str], Item] = {}
        self.population = self.total = self.largest = 0

    def item(self, kind: str, value: str | None, time: float) -> Item:
        if not value:
            return Item()
        found = self.items.get((kind, value))
        if found is None or time - found.last > RETENTION:
            found = self.items[kind, value] = Item()
        found.last = time
        return found

    def tokens(self, frame: pl.DataFrame) -> list[tuple[int, str, list[float], tuple[int, ...]]]:
        """(row, actor, numeric, (acts, actors of path, agent and account, population, agents, total, forgetful))."""
        made = texts.Texts(1000)
        request, second, referer = made.requests(frame), made.seconds(frame), made.referers(frame)
        found = []
        for row, event in enumerate(frame.iter_rows(named=True)):
            asked = request.values[request.codes[row]]
            with_whom = second.values[second.codes[row]]
            came_from = referer.values[referer.codes[row]]
            made = self.event(event, asked, with_whom, came_from != "")
            if made is not None:
                found.append((row, *made))
        return found

    def excused(self, event: dict, time: float, name: str, ordinary: bool) -> bool:
        actor, origin = self.actors[name], host_of(event["referer"])
        item = self.item("origin", origin, time)
        before = len(item.actors)
        if ordinary and origin:
            item.actors.add((name, actor.first))
            self.largest = max(self.largest, len(item.actors))
        if host_of(event["host"]):
            foreign = origin != "" and origin != host_of(event["host"])
        else:
            foreign = origin != "" and self.largest >= 3 and before * 4 < self.largest
        greeting = (event["target"] or "").startswith((r"\x16\x03", "\x16\x03"))
        if not (foreign or greeting) or ordinary:
            return False
        if int(time // 3600) not in actor.hours[-1:]:
            actor.hours.append(int(time // 3600))
        return len(actor.hours) <= 2

    def event(  # noqa: PLR0912, PLR0915 - the whole of it in one place, to be read beside the quick way
        self, event: dict, asked: texts.Request, second: str, has_referer: bool
    ) -> tuple[str, list[float], tuple[int, ...]] | None:
        name, time = actor_of(event["address"]), event["time"].timestamp()
        kind, status, account = event["kind"], event["status"] or 0, event["account"] or None
        assert name is not None
        self.total += 1
        actor = self.actors.get(name)
        if actor is None or time - actor.last > RETENTION:
            actor = self.actors[name] = Actor(time, time)
            self.population += 1
        gap, actor.last = time - actor.last, time
        agent = second if kind == "request" else None
        items = {k: self.item(k, v, time) for k, v in (("path", asked.path), ("agent", agent), ("account", account))}
        path, tried = items["path"], items["account"]
        before = {k: len(item.actors) for k, item in items.items()}
        counts = actor.counts
        counts["events"] += 1
        counts["acts"] += kind != "login_hint"
        actor.services.add(event["service"])
        key = (asked.text, second, status // 100, kind)
        actor.seen[key] += 1
        times = actor.seen[key]
        new_account = account is not None and account not in actor.touched["account"]
        names = len(actor.touched["account"])
        for k, value in (("path", asked.path), ("agent", agent), ("account", account)):
            if value:
                items[k].actors.add((name, actor.first))
                actor.touched[k].add(value)
        network = network_of(name) or name
        good = kind == "request" and 200 <= status < 400
        familiar, answered = len(path.networks) - (network in path.networks), bool(path.networks)
        if good and asked.path and network not in path.networks and len(path.networks) < 16:
            path.networks.append(network)
        familiar //= 3 if asked.odd else 1
        ordinary = good and familiar >= 3
        excused = kind == "request" and self.excused(event, time, name, ordinary)
        counts["acts"] -= excused
        plain = tried.known and (names == 0 or (names == 1 and not new_account))
        counts["strange"] += kind in REFUSED[1:] or (kind == "login_failed" and not plain)
        counts["strange"] += kind == "request" and not good and not excused
        known, own, pressed = tried.known, account in actor.own, tried.pressed
        day = int(time // 86400)
        if kind == "login_ok":
            counts["logins"] += 1
            if day not in actor.login_days[-1:]:
                actor.login_days.append(day)
            if account:
                actor.own.add(account)
                tried.known = True
        elif kind in REFUSED:
            counts["failed"] += 1
            tried.pressed += new_account
        elif excused:
            return None
        elif status >= 400:
            counts["failed"] += 1
            counts["missing"] += status == 404
        elif ordinary:
            counts["ordinary"] += 1
        elif kind == "request":
            counts["fresh"] += 1
        if ordinary:
            look = counts["ordinary"] & (counts["ordinary"] - 1) == 0
        else:
            thin = counts["fresh"] if good else counts["failed"]
            look = times & (times - 1) == 0 and (thin <= (64 if good else 256) or thin % 16 == 0)
        if not look:
            return None
        n, age = counts["events"], time - actor.first
        on = {SERVICES.get(event["service"], "other_service"), "reject" if kind == "failure" else kind}
        if kind == "request":
            on.add(METHODS.get(event["method"], "other_method"))
            names_of = ((300, "ok"), (400, "redirect"), (500, "client_error"), (1000, "server_error"))
            special = {401: "denied", 403: "denied", 404: "missing"}
            on |= {special.get(status) or next(what for top, what in names_of if status < top)} if status else set()
        if len(actor.login_days) > 1 or (actor.login_days and actor.login_days[-1] < day):
            on.add("logged_in_before_today")
        on |= {k for k, v in (("referer", has_referer), ("account_known", known), ("account_own", own)) if v}
        if status >= 500 and answered:
            on.add("breaks")
        figures = {
            "gap": log1p(gap) / 10,
            "age": log1p(age) / 15,
            "events": log1p(n) / 8,
            "rate": log1p(n / max(1.0, age / 60)) / 5,
            "repeat": log2(times) / 8,
            "layers": asked.layers / 3,
            "changed": asked.changed,
            "familiar": log1p(familiar) / 2,
            "touched": log1p(before["path"]) / 6,
            "agent_known": log1p(before["agent"]) / 6,
            "warm": log1p(self.population) / 10,
            "share_failed": counts["failed"] / n,
            "share_missing": counts["missing"] / n,
            "share_familiar": counts["ordinary"] / n,
            "agents": log1p(len(actor.touched["agent"])) / 3,
            "accounts": log1p(len(actor.touched["account"])) / 3,
            "logged_in": log1p(counts["logins"]) / 3,
            "account_pressed": log1p(pressed) / 4,
            "services": len(actor.services) / 3,
        }
        numeric = [figures.get(column, float(column in on)) for column in NUMERIC]
        touched = [len(item.actors) for item in items.values()]
        forgetful = 0 < counts["failed"] <= 5 and not counts["strange"]
        told = (counts["acts"], *touched, self.population, len(actor.touched["agent"]), self.total, int(forgetful))
        return name, numeric, told

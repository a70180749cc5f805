"""Is a finding recurring, and can a pattern of one line tell it from what honest clients do? Else, why not."""

import re

from fail2ban_ai.canonical import canonical
from fail2ban_ai.rules.material import Material, Unit
from fail2ban_ai.rules.services import NONE, SERVICES

# Libraries and tools that honest scripts use as well: such an agent alone says nothing.
_COMMON_AGENT = re.compile(
    r"(?i)^(?:curl|wget|python|go-http|okhttp|java|libwww|axios|node|php|ruby|apache-http|guzzle|aiohttp|httpx|"
    r"dart|faraday|reqwest|got |undici|postman|restsharp|winhttp|microsoft|monitoring|check_http|url\b|-)"
)
_BROWSER = re.compile(r"Gecko|AppleWebKit|Trident|MSIE|Opera|Presto|KHTML")
# In the decoded parameters of a request: what only attacks and developers write.
_PAYLOAD = re.compile(
    r"\.\./|[<>`|{}$;\\]|/etc/|union[ /+]+(?:all )?select|\bor [\w']+ ?= ?[\w']|xdebug_session|php://|file://|invokefunction|"
    r"\bwget\b|\bcurl\b|base64_|sleep\(|eval\("
)
# What any client may ask of any site: its standard files, and one plain word, which a visitor may have typed.
_ANYBODY = re.compile(
    r"^(?:GET|HEAD|OPTIONS) (?:/favicon\.ico|/robots\.txt|/sitemap[^/]*\.xml(?:\.gz)?|/ads\.txt|"
    r"/humans\.txt|/apple-touch-icon[^/]*|/\.well-known/.*|/browserconfig\.xml|/manifest\.json|/feed/?|/rss/?|[^?]*\.(?:css|js|png|"
    r"jpe?g|gif|svg|ico|webp|woff2?|ttf|map))(?:\?.*)?$"
    r"|^(?:GET|HEAD|OPTIONS) (?:/|\*|/index\.\w+|/[A-Za-z]{1,12}/?)$|^POST (?:/|/index\.\w+)$"
)


def why_not(  # noqa: PLR0911 - a list of reasons
    unit: Unit, material: Material, *, sources: int, windows: int
) -> str | None:
    """The reason why no rule is made of a unit, or None.

    Args:
        unit: what the banned did.
        material: of the same host.
        sources: distinct actors that make it recurring.
        windows: separate spells of activity that make it recurring.
    """
    kind, service, value = unit.key
    if service not in SERVICES:
        return NONE.get(service, f"there is no template for the log of {service}")
    if service == "web" and kind in ("account", "message"):
        return (
            "web error logs: fail2ban's own jails for the server's passwords read them (nginx-http-auth, apache-auth)"
        )
    if service == "web" and all(row.text.startswith("{") for row in unit.rows):
        return "there is no template for access logs in JSON: every admin names and orders its fields anew"
    if kind == "account" and (owner := _account(service, value, material)):
        return owner
    # One guesser who comes back is no company: an account needs several sources.
    if len(unit.sources) < sources and (unit.spells < windows or kind == "account"):
        return f"not recurring: {_count(len(unit.sources), 'source')} in {_count(unit.spells, 'spell')} of activity"
    if material.benign.get(unit.key):
        return f"clients judged benign did the same ({_count(material.benign[unit.key], 'line')})"
    if kind == "paths":
        return _path(unit, value)
    if kind == "agent":
        return _agent(value)
    return _message(unit) if kind == "message" else None


def _path(unit: Unit, value: str) -> str | None:
    if _ANYBODY.match(value):
        return "any client may ask for it"
    answered = [row for row in unit.rows if row.status is not None and 200 <= row.status < 300]
    if value.startswith("POST ") or len(answered) <= len(unit.rows) // 2:
        return None
    if not all(_PAYLOAD.search(canonical(row.target or "").text.partition("?")[2]) for row in answered[:50]):
        return "the site answers it with a page, so a visitor may ask for it too"
    return None


def _agent(value: str) -> str | None:
    if _BROWSER.search(value):
        return "a browser's agent string alone says nothing"
    if _COMMON_AGENT.match(value) or len(value) < 5:
        return "an agent string that honest scripts use as well"
    return None


def _message(unit: Unit) -> str | None:
    if unit.rows[0].kind not in ("probe", "reject"):
        return "a mistyped name or password of anybody looks the same"
    return None


def _account(service: str, value: str, material: Material) -> str | None:
    message, _, account = value.partition("\0")
    if (service, account) in material.logged_in:
        return "its owner logs in here: one wrong password of theirs would look the same"
    if service == "sshd" and "invalid user" not in message.lower():
        return "sshd does not say that the account is none: one wrong password of its owner would look the same"
    return None


def _count(number: int, thing: str) -> str:
    return f"{number} {thing if number == 1 else thing + 's'}"

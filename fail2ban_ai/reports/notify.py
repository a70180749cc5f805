"""Messages to people through Apprise, which knows their chat, mail and pager services: https://github.com/caronc/apprise.

Its URLs hold passwords and tokens: nothing here prints one, a failure names the service's scheme alone.
"""

import logging
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime

from fail2ban_ai.config_delivery import Notify
from fail2ban_ai.enforce.notices import Notice
from fail2ban_ai.findings import SEVERITIES
from fail2ban_ai.reports.digest import counted, decided, further, name_of, shown, worst_first
from fail2ban_ai.reports.news import News
from fail2ban_ai.reports.schema import Actor

ONE_BY_ONE = 5  # campaigns with a message of their own; more at once are told in one
LISTED = 20  # campaigns of that one
NAMED = 5  # targets named in a message
URLS = 50  # services at most
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]{0,30}(?=://)", re.IGNORECASE)
_CALLS = re.compile(r"@(?=(?:everyone|here|channel|all)\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Message:
    """One message in plain text, and which campaigns it tells of."""

    title: str
    body: str
    severity: str
    about: tuple[News, ...]


def messages(found: Sequence[News], settings: Notify, mode: str, host: str) -> list[Message]:
    """One message for each campaign that is new or changed and bad enough, or one for all when they are many."""
    least = SEVERITIES.index(settings.severity)
    worth = [one for one in found if not one.quiet and SEVERITIES.index(one.campaign.severity) >= least]
    order = {campaign.id: place for place, campaign in enumerate(worst_first([one.campaign for one in worth]))}
    worth.sort(key=lambda one: order[one.campaign.id])
    if len(worth) > ONE_BY_ONE:
        return [_of_many(worth, host)]
    return [_of_one(one, mode, host) for one in worth]


def _of_one(news: News, mode: str, host: str) -> Message:
    campaign = news.campaign
    told = [campaign.summary]
    if news.changes:
        told.append(f"Changed: {'; '.join(news.changes)}.")
    told += [f"- {reason}" for reason in campaign.reasons[:3]]
    told += [f"fail2ban: {campaign.why_missed}", _decisions(news, mode), f"Do: {campaign.recommendation}"]
    told.append(f"{campaign.last_seen:%Y-%m-%d %H:%M} UTC. More: fail2ban-ai explain {campaign.id}")
    title = f"{campaign.severity} {name_of(campaign.kind)} on {host}" + (" (changed)" if news.changes else "")
    return Message(_harmless(title), _harmless("\n".join(filter(None, told))), campaign.severity, (news,))


def _decisions(news: News, mode: str) -> str:
    targets = [one.address if isinstance(one, Actor) else one.cidr for one in news.decided if one.decision == "ban"]
    if not targets:
        return ""
    rest = f" and {further(len(targets) - NAMED, 'target')}" if len(targets) > NAMED else ""
    return f"{decided('ban', mode).capitalize()}: {', '.join(targets[:NAMED])}{rest}."


def _of_many(worth: Sequence[News], host: str) -> Message:
    listed = [f"- {one.campaign.severity}: {one.campaign.summary} ({one.campaign.id})" for one in worth[:LISTED]]
    if len(worth) > LISTED:
        listed.append(f"and {further(len(worth) - LISTED, 'campaign')}")
    listed.append("More: fail2ban-ai campaigns")
    worst = worth[0].campaign.severity
    title = f"{counted(len(worth), 'campaign')} on {host}, the worst {worst}"
    return Message(_harmless(title), _harmless("\n".join(listed)), worst, tuple(worth))


def of_notices(found: Sequence[Notice], host: str) -> Message:
    """What the enforcer has to say, the newest at the end."""
    listed = [f"- {datetime.fromtimestamp(n.at, UTC):%Y-%m-%d %H:%M} UTC: {n.text}" for n in found[-LISTED:]]
    return Message(_harmless(f"fail2ban-ai on {host} has something to say"), _harmless("\n".join(listed)), "medium", ())


def _harmless(text: str) -> str:
    """Log values in it call nobody, are no links and hide nothing."""
    lines = (shown(line) for line in text.split("\n"))
    return _CALLS.sub("@\u2060", "\n".join(lines).replace("://", "[:]//"))


def urls_of(settings: Notify) -> list[str]:
    """The URLs, of the settings and of their file.

    Raises:
        OSError: the file cannot be read.
    """
    found = [url.get_secret_value() for url in settings.urls]
    if settings.urls_file is not None:
        lines = settings.urls_file.read_text(encoding="utf-8", errors="replace").splitlines()
        found += [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return found[:URLS]


def send(urls: Sequence[str], message: Message) -> tuple[bool, list[str]]:
    """Whether any service took the message, and a sentence for each that did not."""
    try:
        import apprise  # noqa: PLC0415 - an extra, and heavy: only when there is something to send
    except ImportError:
        return False, ["`notify` is set, but Apprise is not installed: pip install 'fail2ban-ai[notify]'"]
    logging.getLogger("apprise").disabled = True  # it may print parts of a URL
    asset = apprise.AppriseAsset(app_id="fail2ban-ai", app_desc="fail2ban-ai", app_url="", secure_logging=True)
    kinds = {"critical": apprise.NotifyType.FAILURE, "high": apprise.NotifyType.FAILURE}

    def one(url: str) -> bool:
        try:
            service = apprise.Apprise(asset=asset)
            return bool(service.add(url)) and bool(
                service.notify(
                    title=message.title,
                    body=message.body,
                    body_format=apprise.NotifyFormat.TEXT,
                    notify_type=kinds.get(message.severity, apprise.NotifyType.WARNING),
                )
            )
        except Exception:  # other people's plugins; the error's text may hold the URL
            return False

    with ThreadPoolExecutor(max_workers=min(8, len(urls) or 1)) as pool:
        taken = list(pool.map(one, urls))
    problems = [
        f"notification service {number} of {len(urls)} ({_scheme(url)}) did not take a message"
        for number, (url, ok) in enumerate(zip(urls, taken, strict=True), start=1)
        if not ok
    ]
    return any(taken), problems


def _scheme(url: str) -> str:
    found = _SCHEME.match(url)
    return found[0].lower() if found else "no URL"

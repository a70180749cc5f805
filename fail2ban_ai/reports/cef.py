r"""Alerts in ArcSight's Common Event Format, version 0.

    CEF:0|vendor|product|version|class|name|severity|key=value key=value …

In the header | and \ are escaped by \, in values = and \ are. Neither holds a line break: what is hidden is written out
before it is escaped.
Keys are those of the format's dictionary. IPv6 sources stand in c6a2, as revisions before 26 ask.
"""

from fail2ban_ai import __version__
from fail2ban_ai.addresses import parse
from fail2ban_ai.reports.alerts import Alert
from fail2ban_ai.reports.digest import shown

SEVERITY = {"low": 3, "medium": 6, "high": 8, "critical": 10}
VALUE = 800  # characters of one value; those of the dictionary take 1,023


def line(alert: Alert, host: str) -> str:
    """One alert as a line, without a syslog header and without its end."""
    campaign = alert.campaign
    head = (
        "CEF:0",
        "fail2ban-ai",
        "fail2ban-ai",
        __version__,
        campaign.kind,
        alert.name,
        str(SEVERITY[campaign.severity]),
    )
    fields: dict[str, object] = {
        "rt": _milliseconds(alert.at.timestamp()),
        "start": _milliseconds(campaign.first_seen.timestamp()),
        "end": _milliseconds(campaign.last_seen.timestamp()),
        "act": alert.action,
        "cat": "intrusion",
        "externalId": campaign.id,
        "dvchost": host,
        "app": ",".join(campaign.services),
        "cnt": campaign.events,
        "cn1Label": "addresses",
        "cn1": len(campaign.actors),
        "cfp1Label": "confidence",
        "cfp1": campaign.confidence,
    }
    fields |= _source(alert)
    labelled = {"cs1": ("techniques", campaign.techniques), "cs2": ("targets", campaign.targets)}
    for key, (label, values) in labelled.items():
        if values:
            fields |= {f"{key}Label": label, key: ", ".join(values)}
    fields |= {"reason": alert.reason, "msg": campaign.summary}
    return "|".join(
        [*map(in_header, head), " ".join(f"{key}={in_value(value)}" for key, value in fields.items() if value != "")]
    )


def _source(alert: Alert) -> dict[str, object]:
    address = parse(alert.address) if alert.address else None
    if address is None:
        return {"cs3Label": "network", "cs3": alert.target} if alert.target else {}
    if address.version == 4:
        return {"src": str(address)}
    return {"c6a2Label": "Source IPv6 Address", "c6a2": str(address)}


def in_header(text: str) -> str:
    """A header's field."""
    return shown(text).replace("\\", "\\\\").replace("|", "\\|")


def in_value(value: object) -> str:
    """A value of the extension; a line break in it is written out like any other hidden character."""
    return shown(str(value)[:VALUE]).replace("\\", "\\\\").replace("=", "\\=")


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)

"""Alerts as documents of the Elastic Common Schema, a line of JSON each.

Fields: https://www.elastic.co/guide/en/ecs/8.11/ecs-field-reference.html. What has no field there stands under
`fail2ban_ai`, as the schema asks of custom fields.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fail2ban_ai import __version__
from fail2ban_ai.addresses import parse
from fail2ban_ai.lowered import owner_of
from fail2ban_ai.reports.alerts import Alert
from fail2ban_ai.reports.techniques import TECHNIQUES, address

SEVERITY = {"low": 21, "medium": 47, "high": 73, "critical": 99}  # as Elastic's own detection rules grade
RELATED = 100  # addresses named in one document
FILE_LIMIT = 64 << 20  # bytes, after which the file becomes FILE.1


def document(alert: Alert, host: str) -> dict[str, Any]:
    """One alert as a document."""
    campaign = alert.campaign
    members = [a.address for a in campaign.actors if parse(a.address) is not None] if alert.target is None else []
    related = members[:RELATED] or ([alert.address] if alert.address else [])
    source = alert.target or alert.address
    made: dict[str, Any] = {
        "@timestamp": alert.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "ecs": {"version": "8.11.0"},
        "message": campaign.summary if alert.target is None else f"{alert.target}: {alert.reason}",
        "event": {
            "kind": "alert",
            "category": ["intrusion_detection"],
            "type": ["denied" if alert.action == "ban" else "info"],
            "action": alert.action,
            "id": alert.id,
            "reason": alert.reason,
            "module": "fail2ban_ai",
            "dataset": "fail2ban_ai.alert",
            "provider": "fail2ban-ai",
            "severity": SEVERITY[campaign.severity],
            "risk_score": round(100 * campaign.confidence, 1),
            "start": campaign.first_seen.isoformat(),
            "end": campaign.last_seen.isoformat(),
        },
        "host": {"name": host},
        "observer": {"vendor": "fail2ban-ai", "product": "fail2ban-ai", "type": "ids", "version": __version__},
        "rule": {"name": alert.name, "category": campaign.kind},
        "related": {"ip": related, "user": [t for t in campaign.targets if not t.startswith("/")]},
        "fail2ban_ai": {
            "campaign": campaign.id,
            "severity": campaign.severity,
            "addresses": len(campaign.actors),
            "events": campaign.events,
            "services": campaign.services,
            "targets": campaign.targets,
            "recommendation": campaign.recommendation,
            "why_missed": campaign.why_missed,
        },
    }
    if source:
        made["source"] = {"address": source} | ({"ip": alert.address} if alert.address else {})
    if campaign.techniques:
        made["threat"] = _threat(campaign.techniques)
    return made


def _threat(found: list[str]) -> dict[str, Any]:
    known = {id_: TECHNIQUES[id_] for id_ in found if id_ in TECHNIQUES}
    whole = sorted({id_.partition(".")[0] for id_ in found})
    parts = [id_ for id_ in found if "." in id_]
    threat: dict[str, Any] = {
        "framework": "MITRE ATT&CK",
        "tactic": {
            "id": sorted({t.tactic for t in known.values()}),
            "name": sorted({t.tactic_name for t in known.values()}),
        },
        "technique": {"id": whole, "reference": [address(id_) for id_ in whole]},
    }
    if parts:
        names = [known[id_].name.rpartition(": ")[2] for id_ in parts if id_ in known]
        threat["technique"]["subtechnique"] = {"id": parts, "name": names, "reference": [address(i) for i in parts]}
    return threat


def append(path: Path, found: Iterable[Alert], host: str) -> None:
    """Add a line for each alert; the file is readable by its owner and group.

    Raises:
        OSError: the file cannot be written, or is a link.
    """
    lines = "".join(json.dumps(document(alert, host), separators=(",", ":")) + "\n" for alert in found)
    if not lines:
        return
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    with owner_of(path.parent):  # in the watcher's folder root writes as the watcher
        if path.exists() and path.stat().st_size > FILE_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
        with os.fdopen(os.open(path, flags, 0o640), "a", encoding="ascii") as file:
            file.write(lines)

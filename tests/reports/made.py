"""Reports made for tests: of any size, with any text where a log's text stands."""

from datetime import UTC, datetime, timedelta

from fail2ban_ai.reports import schema

START = datetime(2026, 3, 15, 8, tzinfo=UTC)
HOSTILE = (
    "</script><script>window.pwned=1</script>",
    "<img src=x onerror=window.pwned=1>",
    "\"><svg/onload=window.pwned=1>'",
    "</code></style><style>*{display:none}</style>",
    "a\u202eb\u2066c\u200fd",
    "\x1b]0;owned\x07\x00\x7f\x9b31m",
    "line\nbreak\r\u2028\u2029\x85",
    "W" * 500,
    "<" * 500,
    "ﷺ" * 120 + "\U000e0041" * 80,
    "{{ 7*7 }}{% raw %}",
    "| a | `b` ``c`` ``` [x](javascript:alert(1)) ![i](http://203.0.113.9/i.png) <http://203.0.113.9/> # * _e_ ~~~",
    "www.example.net https://example.net/ mail@example.net",
    "&lt;b&gt; &amp; \\",
)


def actor(
    number: int, *, decision: str = "ban", text: str = "its behaviour scores 0.95 after 2 events"
) -> schema.Actor:
    first = START + timedelta(seconds=37 * number)
    return schema.Actor.model_validate(
        {
            "address": f"198.{18 + number // 65536}.{number // 256 % 256}.{number % 256}",
            "events": 1 + number % 9,
            "first_seen": first,
            "last_seen": first + timedelta(minutes=number % 50),
            "score": 0.95,
            "decided_at": first + timedelta(minutes=3) if decision != "watch" else None,
            "events_before_decision": 2,
            "decision": decision,
            "reason": text,
            "missed_by_fail2ban": number % 5 != 0,
        }
    )


def campaign(number: int = 1, actors: int = 3, text: str = "/admin", **more: object) -> schema.Campaign:
    members = [actor(1000 * number + i) for i in range(actors)]
    values = {
        "id": f"20260315-{number:08x}",
        "kind": "credential_stuffing",
        "severity": ("critical", "high", "medium", "low")[number % 4],
        "confidence": 0.97,
        "first_seen": min((a.first_seen for a in members), default=START),
        "last_seen": max((a.last_seen for a in members), default=START),
        "detected_at": START + timedelta(seconds=37 * 1000 * number + 600),
        "events": 145,
        "services": ["sshd", "web"],
        "actors": members,
        "networks": [],
        "targets": [text],
        "techniques": ["T1110.004"],
        "summary": f'{actors} addresses tried to log in as "{text}": 145 events.'[:400],
        "reasons": [f'The requests hold "{text}".'],
        "why_missed": "sshd counts 3 failures in its worst 10 minutes, below maxretry 5.",
        "recommendation": f'Ban the sources. Ask for a second factor for "{text}".'[:900],
        "evidence": [{"source": "/var/log/auth.log", "line": i, "text": text[:500]} for i in range(1, 21)],
    }
    return schema.Campaign.model_validate(values | more)


def report(*campaigns: schema.Campaign, mode: str = "observe", how: str = "replay") -> schema.Report:
    times = [t for c in campaigns for t in (c.first_seen, c.last_seen)] or [START]
    banned = [
        {"address": a.address, "jail": "sshd", "at": a.last_seen}
        for c in campaigns
        for a in c.actors
        if a.missed_by_fail2ban is False and how != "none"
    ]
    return schema.Report.model_validate(
        {
            "program": {"version": "0.1.0", "weights_sha256": "ab" * 32, "sensitivity": "normal"},
            "mode": mode,
            "window": {"from": min(times), "to": max(times)},
            "lines": {
                "read": 1000,
                "understood": 990,
                "by_source": [{"source": "/var/log/auth.log", "service": "sshd", "read": 1000, "understood": 990}],
            },
            "fail2ban": {"how": how, "banned": banned},
            "campaigns": list(campaigns),
            "anomalies": [],
            "decisions": [
                {
                    "id": f"d{i}",
                    "at": a.decided_at or a.first_seen,
                    "target": a.address,
                    "action": "ban",
                    "campaign": c.id,
                    "reason": a.reason,
                }
                for c in campaigns
                for i, a in enumerate(c.actors)
                if a.decision == "ban"
            ],
        }
    )


EMPTY = schema.Report.model_validate(
    report().model_dump(by_alias=True)
    | {"window": {"from": None, "to": None}, "lines": {"read": 0, "understood": 0, "by_source": []}}
)

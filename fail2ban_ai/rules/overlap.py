"""How much of a cluster the jails that there are catch already."""

from collections.abc import Sequence

from fail2ban_ai.errors import Fail2banAbsent, Fail2banError
from fail2ban_ai.fail2ban import code, logs
from fail2ban_ai.fail2ban.replay import jails_for
from fail2ban_ai.rules.bench import Matches
from fail2ban_ai.rules.suggestion import Line

_LINES = 500


def overlap(service: str, lines: Sequence[Line], like: str, *, config: str = code.CONFIG) -> dict[str, float]:
    """Jail -> share of the cluster's lines that its filter matches; jails that match none are left out.

    Asked are the enabled jails that read such a log, or the stock ones where none does.
    """
    cluster = [line for line in lines if line.set == "cluster"][:_LINES]
    try:
        enabled = [jail.jail for jail in logs.discover(config=config) if jail.service == service]
    except Fail2banAbsent:
        raise
    except Fail2banError:
        enabled = []
    found: dict[str, float] = {}
    for jail in enabled or jails_for(service, "request" if service == "web" else "", like):
        if jail.startswith("ai-"):
            continue
        job: dict[str, object] = {"do": "match", "config": config, "jail": jail, "reference": 1_600_000_000.0}
        try:
            with Matches(job) as matches:
                caught = {i for i, _, address in matches.of(line.text for line in cluster) if address}
        except Fail2banError:
            continue  # that jail's own trouble: doctor tells of it
        if caught:
            found[jail] = round(len(caught) / len(cluster), 3)
    return found

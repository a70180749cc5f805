"""Finds what is wrong with a host's fail2ban before it bites: mostly what `fail2ban-client -t` calls OK.

A check is a function that takes a Host and yields Results; it yields nothing when there is nothing to say: the first
line of its docstring then holds. To add one, write the function in the module it belongs to, add it to that
module's CHECKS, and a test that finds beside a twin that must not.
"""

from collections.abc import Callable, Iterable

from fail2ban_ai.doctor import (
    ai_jails,
    configuration,
    delivery,
    filters,
    firewall,
    model,
    server,
    services,
    surroundings,
)
from fail2ban_ai.doctor.host import Host
from fail2ban_ai.doctor.result import Result
from fail2ban_ai.setup import record

CHECKS = (
    *server.CHECKS,
    *configuration.CHECKS,
    *filters.CHECKS,
    *ai_jails.CHECKS,
    *firewall.CHECKS,
    *services.CHECKS,
    *delivery.CHECKS,
    *model.CHECKS,
    *surroundings.CHECKS,
)


def examine(host: Host) -> list[Result]:
    """The results of every check, in order; "ok" for a check that found nothing. A check that fails says so itself.

    Before `setup` there is nothing to say of what it makes, which one check says.
    """
    idle = () if record.exists() else services.WHEN_SET_UP
    return [result for check in CHECKS if check not in idle for result in _results(check, host)]


def _results(check: Callable[[Host], Iterable[Result]], host: Host) -> list[Result]:
    name = check.__name__.replace("_", "-")
    try:
        found = list(check(host))
    except Exception as error:  # one check must not hide the others' findings
        return [Result(name, "warning", f"This check could not be carried out: {type(error).__name__}: {error}")]
    return found or [Result(name, "ok", (check.__doc__ or name).partition("\n")[0])]

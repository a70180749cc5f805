"""The roles by name, and `simulate`, which lets a scenario's cast play."""

from collections.abc import Callable

from . import benign_auth, benign_odd, benign_web, hostile_auth, hostile_web
from .stage import Stage, stream
from .world import Progress, Scenario, World

_MODULES_AND_ROLES = (
    (
        benign_web,
        "visitors newsletter regulars member stale_bookmarks searches crawlers previews monitors feed_readers "
        "broken_clients api_clients admin_scripts backup",
    ),
    (benign_odd, "link_scanners dead_links filters players mail_programs developers"),
    (
        benign_auth,
        "mail_clients mailbox_user old_password office roaming sysadmins deploy_keys lost_users ftp_users cron senders",
    ),
    (
        hostile_web,
        "slow_scan fast_scan distributed_scan sqli injections distributed_injection exploit scripted scraping flood "
        "botnet_posts surge compromise_form",
    ),
    (hostile_auth, "stuffing spraying brute_force odd_names ssh_botnet ssh_probe compromise relay_tests cross_service"),
)
ROLES: dict[str, Callable[..., None]] = {
    name: getattr(module, name) for module, names in _MODULES_AND_ROLES for name in names.split()
}


def simulate(seed: int, scenario: Scenario, progress: Progress | None = None) -> World:
    """Play a scenario. The same seed and scenario give the same bytes, on every platform.

    Raises KeyError for a role that does not exist and TypeError for a setting that its role does not have.
    """
    stage = Stage(seed, scenario)
    for i, part in enumerate(scenario.cast):
        rng = stream(seed, scenario.name, i, part.role)
        ROLES[part.role](stage, rng, part.window or (stage.start, stage.end), **part.settings)
        if progress is not None:
            progress((i + 1) / len(scenario.cast))
    return stage.world()

"""`fail2ban-ai setup`: sets a host up, switches between observing and enforcing, and takes everything away again."""

import json
import os
import shutil
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from fail2ban_ai import config, paths
from fail2ban_ai.decisions.strict import clean
from fail2ban_ai.enforce import settings as enforcer_settings
from fail2ban_ai.enforce import trial
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.installer import Installer
from fail2ban_ai.setup import host, units

if TYPE_CHECKING:
    from fail2ban_ai.setup.look import Log, Look


@click.command(name="setup")
@click.option(
    "--run",
    type=click.Choice(list(units.RUNS)),
    help="watch (default): read logs as they grow. timer: analyse six hours at a time, ban for critical findings only.",
)
@click.option("--no-history", is_flag=True, help="Do not read the logs that are there already.")
@click.option("--no-start", is_flag=True, help="Switch the services on without starting them.")
@click.option("--enforce", "switch", flag_value="enforce", help="Ban from now on, ten minutes each until --confirm.")
@click.option("--confirm", "switch", flag_value="confirm", help="Keep enforcing, with the jails' own bantimes.")
@click.option("--observe", "switch", flag_value="observe", help="Ban nobody from now on; bans that stand run out.")
@click.option(
    "--remove", "switch", flag_value="remove", help="Take everything away again; the AI jails' bans are lifted."
)
@click.option("--purge", is_flag=True, help="With --remove: delete what was found and decided, too.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found and done as JSON.")
def command(  # noqa: PLR0917 - click hands options over by name
    run: str | None, no_history: bool, no_start: bool, switch: str | None, purge: bool, as_json: bool
) -> None:
    """Set fail2ban-ai up on this host (root): look at it, write configuration, AI jails and services, and observe.

    Nobody is banned before `fail2ban-ai setup --enforce`. No existing file of fail2ban's or yours is changed, and
    running it again brings the host up to date.

    \b
    Example:
        fail2ban-ai setup
        fail2ban-ai setup --enforce
    """
    if os.geteuid() != 0:
        raise ConfigError("setup needs root: it writes below /etc.")
    if purge and switch != "remove":
        raise click.UsageError("--purge goes with --remove")
    if switch != "remove" and (not paths.fail2ban().is_dir() or shutil.which("fail2ban-client") is None):
        raise ConfigError("fail2ban is not installed, or its folder is gone: apt-get install fail2ban.")
    installer = Installer(paths.fail2ban())
    if switch == "remove":
        _tell_removed(host.remove(installer, purge=purge), as_json)
    elif switch is not None:
        _switch(installer, switch, as_json)
    else:
        _set_up(installer, run, start=not no_start, history=not no_history, as_json=as_json)


def _set_up(installer: Installer, run: str | None, *, start: bool, history: bool, as_json: bool) -> None:
    from fail2ban_ai.setup.look import look  # noqa: PLC0415 - Polars, for which help and completion need not wait

    found = look(paths.root(), installer.client)
    named = config.load() if paths.config().exists() else None
    if not as_json:
        _tell_look(found, named)
    done = host.install(installer, found, run=run, start=start)
    read = host.read_history() if history else None
    mode = enforcer_settings.load().mode
    if as_json:
        click.echo(json.dumps({"look": asdict(found), "done": asdict(done), "history": read, "mode": mode}, indent=2))
        return
    for path in done.written:
        click.echo(f"Wrote {path}")
    for path in done.kept:
        click.echo(f"Left as it was, since it was changed: {path}")
    names = ", ".join(jails.JAILS)
    click.echo(f"Jails {names} {'run' if done.jails_run else 'start when fail2ban does: it does not run now'}.")
    for sentence in done.trouble:
        click.echo(f"! {sentence}")
    _tell_next(mode, read, chosen=named is None and bool(found.unread))


def _switch(installer: Installer, switch: str, as_json: bool) -> None:
    if switch == "enforce":
        found = host.enforce(installer)
        hours = max(0.0, found.ends - time.time()) / 3600
        said = f"Mode: enforce, on trial: bans last ten minutes. Confirm within {hours:.0f} hours, or it ends:"
        said = f"{said}\n  fail2ban-ai setup --confirm" if found.open else "Mode: enforce; it was confirmed before."
    elif switch == "confirm":
        trial.confirm(installer.config, installer.client)
        said = "Confirmed: bans last as long as the AI jails say, those in force too."
    else:
        host.observe()
        said = "Mode: observe. Nobody is banned from now on; bans that stand run out, or `fail2ban-ai unban`."
    if as_json:
        known = trial.state()
        told = None if known is None else asdict(known)
        click.echo(json.dumps({"mode": enforcer_settings.load().mode, "trial": told}, indent=2))
    else:
        click.echo(said)


def _tell_look(found: "Look", named: config.Settings | None) -> None:
    """`named`: the configuration that is there already; without one, all that was found will be read."""
    if found.trouble:
        click.echo(f"! fail2ban could not be asked: {clean(found.trouble, 300)}")
    else:
        click.echo(f"Jails of fail2ban: {', '.join(found.jails) or 'none'}.")
    told = {log.path: f"  {_log(log)}" for log in found.logs if log.jails or log.readable}
    asked = {log.path for log in found.logs if log.jails}
    told |= {f"journal:{unit}": f"  journal of {unit}" for unit in found.units}
    asked |= {f"journal:{unit}" for unit in found.units}
    read = dict.fromkeys(told) if named is None else dict.fromkeys(named.sources or [*asked, *named.also])
    click.echo("Logs that will be read:")
    for name in [*(name for name in told if name in read), *(name for name in read if name not in told)]:
        click.echo(told.get(name) or f"  {clean(name, 200)}: named in {paths.config()}")
    if not read:
        click.echo("  none; `fail2ban-ai doctor` says what keeps fail2ban from its logs")
    for path in found.doubled:
        click.echo(f"Not read: {clean(path, 200)}, whose lines the journal has, too.")
    left = [text for name, text in told.items() if name not in read]
    if left:
        click.echo("\n".join([f"Not read, since {paths.config()} does not name them (`also`):", *left]))
    for log in found.logs:
        if log.behind_cdn:
            click.echo(
                f"! {clean(log.path, 200)} shows a proxy's or a CDN's addresses ({log.edges:.0%}), not the visitors':"
            )
            click.echo("  have the web server log the client's address (nginx real_ip_header, Apache mod_remoteip).")
    click.echo("A GPU is here; the services may use it." if found.gpu else "No GPU: the model runs on the processor.")


def _log(log: "Log") -> str:
    who = f"jail {', '.join(log.jails)}" if log.jails else "fail2ban does not read it"
    older = f", {log.parts} rotated parts" if log.parts else ""
    if log.problem:
        return f"{clean(log.path, 200)}: {log.problem}; {who}{older}"
    share = log.understood / max(1, log.lines)
    return f"{clean(log.path, 200)}: {log.service}, {share:.0%} of its last lines understood; {who}{older}"


def _tell_next(mode: str, read: bool | None, *, chosen: bool) -> None:
    """`read`: whether the history could be read. `chosen`: whether logs were put under `also` just now."""
    click.echo(f"\nMode: {mode}{': nobody is banned' if mode == 'observe' else ''}. What to look at next:")
    if read:
        click.echo("  fail2ban-ai campaigns          what the logs of the last weeks show")
    elif read is False:
        click.echo("  fail2ban-ai analyze --last 7d  the logs could not be read just now; this says why")
    click.echo("  fail2ban-ai doctor             what is wrong here, and how to mend it")
    click.echo("  fail2ban-ai status             what runs, what was found, what would have been banned")
    if chosen:
        click.echo(f"  {paths.config()}: the logs under `also` that you do not want read")
    if mode == "observe":
        click.echo("  fail2ban-ai setup --enforce    after some days, when what would have been banned is right")


def _tell_removed(kept: list[str], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"removed": True, "kept": kept}, indent=2))
        return
    click.echo("Services, AI jails, configuration and user are gone; the bans of the AI jails are lifted.")
    for each in kept:
        click.echo(f"Kept: {each}")

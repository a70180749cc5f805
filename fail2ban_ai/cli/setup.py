"""`fail2ban-ai setup`: installs the AI jails into fail2ban and writes the enforcer's settings, or undoes both."""

import os
from pathlib import Path

import click

from fail2ban_ai import enforcer_settings, paths
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.installer import Installer

CONFIG = Path("/etc/fail2ban")


@click.command(name="setup")
@click.option(
    "--mode",
    type=click.Choice(enforcer_settings.MODES),
    help="observe: show what would be banned (the default on a new host). enforce: ban.",
)
@click.option("--remove", is_flag=True, help="Take the AI jails out again; their bans are lifted.")
def command(mode: str | None, remove: bool) -> None:
    """Install the AI jails into fail2ban (root). No other jail and no existing file is touched.

    \b
    Example:
        fail2ban-ai setup --mode observe
    """
    if os.geteuid() != 0:
        raise ConfigError("setup needs root: it writes below /etc.")
    if not CONFIG.is_dir():
        raise ConfigError(f"{CONFIG} is not there: install fail2ban first (apt-get install fail2ban).")
    installer = Installer(CONFIG)
    if remove:
        kept = installer.remove()
        paths.settings().unlink(missing_ok=True)
        click.echo("The AI jails are stopped and their files deleted. Logs and outcomes are left where they are.")
        for path in kept:
            click.echo(f"Kept, since it was changed: {path}")
        return
    before = enforcer_settings.load()  # a file that cannot be read is not overwritten
    runs = installer.install()
    paths.make_folder(paths.outcomes().parent)
    paths.replace(paths.settings(), enforcer_settings.with_mode(mode or before.mode))
    names = " and ".join(jails.JAILS)
    click.echo(f"{names} run." if runs else f"{names} are installed and start when fail2ban does: it does not run now.")
    click.echo(f"Mode: {mode or before.mode}. Settings: {paths.settings()}")

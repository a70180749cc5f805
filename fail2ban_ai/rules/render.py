"""Filter and jail files from the templates of filters.d/."""

import functools
import textwrap
from collections.abc import Sequence

import jinja2

from fail2ban_ai import __version__
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.rules.escape import to_config
from fail2ban_ai.rules.safe import PREFIX
from fail2ban_ai.rules.services import SERVICES, WEB_DATES
from fail2ban_ai.rules.suggestion import Jail

_WIDTH = 110


@functools.cache
def _environment() -> jinja2.Environment:
    folder = jails.shipped()["filter.d/fail2ban-ai.conf"].parent
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=False,  # noqa: S701 - configuration files, not HTML; what goes in is escaped for their own readers
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )


def filter_conf(service: str, regexes: Sequence[str], *, title: str, purpose: str, notes: Sequence[str]) -> str:
    """The filter file. `title`, `purpose` and `notes` are sentences of ours, wrapped into comments."""
    known = SERVICES[service]
    return (
        _environment()
        .get_template(known.template)
        .render(
            service=known,
            regexes=[to_config(regex) for regex in regexes],
            prefixed=any(regex.startswith("^" + PREFIX) for regex in regexes),
            dates=WEB_DATES,
            title=title,
            purpose=textwrap.wrap(_ascii(purpose), _WIDTH),
            notes=[line for note in notes for line in textwrap.wrap(_ascii(note), _WIDTH)],
            version=__version__,
        )
    )


def jail_conf(jail: Jail) -> str:
    """The jail file for a reader."""
    return _environment().get_template("jail.conf.j2").render(jail=jail)


def _ascii(text: str) -> str:
    return "".join(char if " " <= char <= "~" else "?" for char in text)

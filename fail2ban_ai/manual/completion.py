"""Completion scripts by click's own machinery: the shell asks the program, so they know every command there will be."""

from click.shell_completion import get_completion_class

from fail2ban_ai.cli.group import cli

PROGRAM = "fail2ban-ai"
_PLACES = {
    "bash": "bash-completion/completions/fail2ban-ai",
    "zsh": "zsh/vendor-completions/_fail2ban-ai",
    "fish": "fish/vendor_completions.d/fail2ban-ai.fish",
}


def all_scripts() -> dict[str, str]:
    """The scripts by their place below /usr/share."""
    return {place: script(shell) for shell, place in _PLACES.items()}


def script(shell: str) -> str:
    """The script for bash, zsh or fish."""
    kind = get_completion_class(shell)
    if kind is None:
        raise ValueError(f"click knows no completion for {shell}")
    made = kind(cli, {}, PROGRAM, f"_{PROGRAM.replace('-', '_').upper()}_COMPLETE")
    # `source` also looks which bash is installed, which says nothing about where the script will run.
    return made.source_template % made.source_vars() + "\n"

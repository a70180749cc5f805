"""Every error that fail2ban-ai raises on purpose.

Fail2banAIError
├── ConfigError          a setting is wrong: names the file, the key and what was expected
├── SourceError          a log cannot be read at all
├── FormatError          a format name nobody knows
├── ModelError           weights missing, damaged or of another version
├── Fail2banError        fail2ban-client failed
│   ├── Fail2banAbsent   fail2ban is not installed
│   ├── Fail2banDown     the server does not answer
│   └── JailMissing      the server answers but has no such jail
├── TargetError          a text that is no address or network we would ever hand to fail2ban
├── DecisionError        a line of the decisions log that is not a valid decision
└── RuleError            a suggested rule that is not one: names the file, the key and what was expected

The message of each is one sentence for the person at the terminal.
"""


class Fail2banAIError(Exception):
    """The root: `cli` prints its message and exits 1."""


class ConfigError(Fail2banAIError):
    """A setting is wrong; the message names file, key and what was expected."""


class SourceError(Fail2banAIError):
    """A log cannot be read at all."""


class FormatError(Fail2banAIError):
    """A format name nobody knows."""


class ModelError(Fail2banAIError):
    """Weights are missing, damaged or of another version."""


class Fail2banError(Fail2banAIError):
    """fail2ban-client failed."""


class Fail2banAbsent(Fail2banError):  # noqa: N818 - the name says the state, as the tree above does
    """Fail2ban is not installed."""


class Fail2banDown(Fail2banError):  # noqa: N818
    """The fail2ban server does not answer."""


class JailMissing(Fail2banError):  # noqa: N818
    """The server answers but has no such jail."""


class TargetError(Fail2banAIError):
    """A text that is no address or network we would ever hand to fail2ban."""


class DecisionError(Fail2banAIError):
    """A line of the decisions log that is not a valid decision."""


class RuleError(Fail2banAIError):
    """A suggested rule that is not one; the message names file, key and what was expected."""

"""Which texts may leave the host: those in which masking would find nothing to hide.

A text that holds an address, an account or a secret is not masked and sent but stays at home, where the embedded model
encodes it. So nothing of it leaves, and every score is what it would be without a server: the model would see another
text in a masked one.

Texts come as the model reads them (see actors.texts): decoded, lower case, digits as 0, long identifiers as <id>; so
IPv4 addresses are gone already. What may leave is told by what it is, not by what it is not: a request target or a
referer, or the name of a program (an agent). Lines of log-in and mail services, whose wording is anybody's, and
accounts stay. Linear time.
"""

import re

from fail2ban_ai.redact import redact

# A target, or the first word of an agent; a line begins with its service and a colon.
_KNOWN = re.compile(r"/|(?!\S+: )[a-z][a-z0-9._+-]{0,40}/[0v]")

# Parts of parameters' names whose values are somebody's.
_SOMEBODYS = re.compile(
    r"pass|pwd|psd|pw|secret|token|key(?!w)|auth|sess|sid|sig|jwt|code|otp|pin|nonce|hash|state|ticket|credential|cookie|hmac"
    r"|assertion|saml|user|usr|login|log|account|acct|mail|member|author|owner|name|nick|phone|tel|mobile|iban|card|ssn"
    r"|street|addr|ip|host|domain|invit|reset|magic|verif|confirm|activat"
)
_NAMES = re.compile(r"([\w.$\[\]-]++)[\"']?\s?[=:]")  # of a query, of JSON, of a header

_HIDDEN = re.compile(
    r"@"  # mail addresses, accounts in URLs, handles
    r"|/(?:~|(?:users?|u|authors?|profiles?|members?|accounts?|people|home|invit\w*|reset\w*|verif\w*|confirm\w*|share)/.)"
    r"|::|(?:[0-9a-f]{1,4}:){5}"  # IPv6, hardware addresses
    r"|[^\D0]"  # a digit that was not masked
    r"|(?<![a-z0-9])(?=[a-z0-9]{10})(?:[a-z]*0+[a-z]+){2}"  # an identifier too short for <id>
    r"|[a-z0-9]{30}"
)


def may_leave(text: str) -> bool:
    """Whether a text holds no address, account or secret, as far as its form tells."""
    if _KNOWN.match(text) is None or _HIDDEN.search(text) is not None:
        return False
    if any(_SOMEBODYS.search(name) for name in _NAMES.findall(text)):
        return False
    return redact(text) == text

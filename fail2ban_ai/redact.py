r"""Take secrets out of log text before anybody is shown it: reports, messages, a SIEM, the evidence handed to fail2ban.

The log keeps the original. What is taken out, in the words of a URL's query (wherever it stands, referers and queries
inside queries too), of JSON and of headers:

- of a parameter that is named for a password, any value; of one named for a token, a session or a signature, a value
  that looks opaque; of one named for a code or a key, a few digits or a value that looks random;
- by their shape, whatever they are called: JSON web tokens, keys of well-known services, passwords in URLs;
- Authorization and Cookie headers, and the random part of a path that resets, confirms or invites.

What an attacker sends stays readable: a value in the shape of an attack (`password=' or 1=1--`) is evidence and no
secret. Addresses, accounts and paths stay. Linear time; the same text gives the same text, and a second pass changes
nothing. Standard library only.
"""

import functools
import itertools
import re

from fail2ban_ai.canonical import canonical
from fail2ban_ai.canonical.escapes import decode_once

MARK = "[redacted]"

# Parts of a name, letters only: "user[new_password]" is "usernewpassword".
_PASSWORDS = re.compile(r"passw|passphrase|passcode|^pwd|pwd$|secret|privatekey")
_TOKENS = re.compile(
    r"token|apikey|accesskey|authkey|sessid|sessionid|jwt|bearer|credential|authoriz|signature|hmac|cookie|oauthverifier"
)
_PASSWORD_WORDS = {"pass", "pw", "psw"}
_TOKEN_WORDS = {"auth", "sid", "sig", "session", "otp", "totp", "samlresponse", "assertion"}
_CODE_WORDS = {"code", "pin", "otp", "totp", "mfa", "verification", "verify", "confirmation", "confirm", "activation"}
_KEY_WORDS = _CODE_WORDS | {"key", "hash", "nonce", "state", "ticket", "invite", "invitation", "reset", "magic", "link"}
_OTHER_CODES = {
    "zip",
    "post",
    "postal",
    "country",
    "lang",
    "language",
    "area",
    "error",
    "status",
    "product",
    "currency",
}
_WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_PLAIN_VALUES = {"true", "false", "null", "none", "yes", "off", "undefined"}
_OPAQUE = re.compile(r"[\w.~+/=:|,@-]{6,}")
_HEX = re.compile(r"[0-9a-fA-F]{16,}")
_DIGITS = re.compile(r"[0-9]{4,8}")

# On decoded, lower-case text (canonical.canonical). A password may hold any character, so it takes the shape of an
# attack, not one odd character, to be read as one.
_ATTACK = re.compile(
    r"['\")`]\s*(?:\|\||&&|or|and|union|select|having|order|group|limit|waitfor|if|where|;)[\s('\"`]"
    r"|['\")]\s*(?:--|#|/\*|;\s*(?:drop|exec|select|insert|update|shutdown))"
    r"|\bunion\b.{0,20}\bselect\b|\bselect\b.{1,60}\bfrom\b|\border\s+by\s+[0-9]|\b(?:or|and)\s+[\w'\"]+\s*(?:=|<|>|like)"
    r"|\b(?:sleep|benchmark|pg_sleep|extractvalue|updatexml|concat|char|chr|load_file|xp_\w+|dbms_\w+|system|exec|eval"
    r"|passthru|phpinfo|alert|prompt|confirm|md5|print|substring|ascii|cast|convert)\s*\("
    r"|\b(?:waitfor\s+delay|information_schema|insert\s+into|drop\s+table|having\s+[0-9])"
    r"|<\s*[/!?]?\s*[a-z]{1,12}[\s/>]|<!--|<\?|javascript:|\bon[a-z]{4,16}\s*="
    r"|\.\.[/\\]|(?:\.\.[^\w\s]{1,4}){2}|(?:\.\.(?:2f|5c)){2}|/(?:etc|proc|usr|var|bin|opt|tmp|home|dev|web-inf)/"
    r"|^(?:https?:)?/{2}|\w\.ini\b|(?:php|file|data|expect|gopher|dict|phar)://|data:text"
    r"|\$[({]|\{\{|<%|#\{|%\{|jndi:|`\s*\w"
    r"|(?:&&|\|\|)\s*[a-z]{2}|[;|&]\s*(?:cat|id|ls|wget|curl|nc|bash|sh|ping|whoami|uname|sleep|echo|python|perl|powershell|cmd|dir|type)\b"
    r"|\b(?:wget|curl)\s+\S*(?:://|[0-9]\.)|!!python|__(?:class|proto|import)__[.\[(]|^o:[0-9]+:|^rO0AB",
    re.IGNORECASE,
)
_CONTEXT = 160  # characters after a value that are read with it: a raw blank ends a value, not a payload

_NAME = r"[\w.:~$\[\]-]"


def _pairs(encoded: str) -> re.Pattern[str]:
    """Parameters of a query written inside another one; `encoded`: how a percent sign stands there.

    A run of name characters is tried once, from its start (possessive), so time stays linear.
    """
    after = "|".join(f"(?<={encoded}{code})" for code in ("26", "3f", "23", "2f", "20", "3b"))
    return re.compile(
        rf"(?:{after}|(?<![\w.:~$%\[\]-]))(?P<name>(?:{_NAME}|{encoded}(?:25)?5[bd])++)(?P<eq>{encoded}3d)"
        rf"(?P<value>(?:(?!{encoded}(?:26|23))[^&\s\"#])*)",
        re.IGNORECASE,
    )


_PAIRS = (
    _pairs("%25"),
    _pairs("%"),
    re.compile(rf"(?<![\w.:~$%\[\]-])(?P<name>(?:{_NAME}|%)++)(?P<eq>=)(?P<value>[^&\s\"#]*)"),
)
_NAME_KEPT = 80  # characters of a name that are looked at: its end
_IN_PATH = re.compile(r";(?P<name>\w{2,20})(?P<eq>=)(?P<value>[^;?&\s\"#/]*)")  # /page;jsessionid=…?query
_QUOTED = re.compile(
    r"(?P<before>\\?[\"'](?P<name>[\w.$\[\] -]{1,80})\\?[\"']\s*(?:[:=]|=>)\s*\\?(?P<quote>[\"']))"
    r"(?P<value>(?:(?!(?P=quote))[^\\\n]|\\(?!\")[^\n])*)"
)
_SPOKEN = re.compile(r"(?P<before>\b(?:password|passwd|passphrase|secret):\s?)(?P<value>[^\s\"',;()]+)", re.IGNORECASE)
_HEADER = re.compile(
    r"(?P<before>\b(?:proxy-)?authorization\\?[\"']?\s?[:=]\s?\\?[\"']?(?:[a-z]{3,12} )?)(?P<value>[^\s\"',;\\]+)",
    re.IGNORECASE,
)
_COOKIE = re.compile(r"(?P<before>\b(?:set-)?cookie\\?[\"']?:\s?\\?[\"']?)(?P<value>[^\"\n\\]+)", re.IGNORECASE)
_LOGIN_IN_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]{1,15}://[^\s/:@\"'?#]{0,80}:)(?P<value>[^\s/@\"'?#]{1,200})@", re.I
)
_SHAPES = re.compile(
    r"\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}"  # JSON web token: base64url of {"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{16}\b|\bAIza[\w-]{30,}|\bya29\.[\w-]{20,}"  # AWS, Google
    r"|\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"  # GitHub, GitLab
    r"|\bxox[abeoprs]-[\w-]{10,}|\b[spr]k_(?:live|test)_\w{10,}|\bsk-[\w-]{20,}|\bSG\.[\w-]{16,}\.[\w-]{16,}"
    r"|\bhooks\.slack\.com/services/[\w/]+|\b[0-9]{8,10}:[\w-]{35}\b"  # Slack's web hooks, Telegram's bots
)
_PATH = re.compile(
    r"(?P<before>/(?:[\w-]*(?:reset|verif|confirm|activat|invit|unsubscribe|magic|token|password)[\w-]*)/(?:[\w=-]{1,12}/)?)"
    r"(?P<value>[\w.~=+-]{10,})",
    re.IGNORECASE,
)
# One look that most lines do not pass.
_WORTH = re.compile(
    r"[=:]|%3d|eyJ|/[\w-]*(?:reset|verif|confirm|activat|invit|unsubscribe|magic|token|password)|AKIA|gh[pousr]_", re.I
)


@functools.lru_cache(maxsize=4096)
def redact(text: str) -> str:
    """`text` with what looks like a secret replaced by MARK."""
    if not _WORTH.search(text):
        return text
    text = _SHAPES.sub(MARK, text)
    text = _LOGIN_IN_URL.sub(rf"\g<before>{MARK}@", text)
    for pattern in (_HEADER, _COOKIE):
        text = pattern.sub(rf"\g<before>{MARK}", text)
    text = _SPOKEN.sub(_spoken, text)
    text = _QUOTED.sub(_quoted, text)
    text = _IN_PATH.sub(_path_parameter, text)
    nested = "3d" in text.lower()
    for pattern in _PAIRS if nested else _PAIRS[-1:]:
        text = pattern.sub(_pair, text)
    return _PATH.sub(_in_path, text)


def _pair(match: re.Match[str]) -> str:
    end = match.end()
    around = match["value"] + match.string[end : end + _CONTEXT].partition('"')[0].partition(" HTTP/")[0]
    around = around[: len(match["value"])] + around[len(match["value"]) :].partition("&")[0]
    return match["name"] + match["eq"] + MARK if _is_secret(match["name"], match["value"], around) else match[0]


def _path_parameter(match: re.Match[str]) -> str:
    return f";{match['name']}={MARK}" if _is_secret(match["name"], match["value"], match["value"]) else match[0]


def _quoted(match: re.Match[str]) -> str:
    return match["before"] + MARK if _is_secret(match["name"], match["value"], match["value"]) else match[0]


def _spoken(match: re.Match[str]) -> str:
    return match[0] if _is_attack(match["value"]) else match["before"] + MARK


def _in_path(match: re.Match[str]) -> str:
    return match["before"] + MARK if _is_random(match["value"], 10) else match[0]


def _is_secret(name: str, value: str, around: str) -> bool:
    if len(value) < 3 or value == MARK:
        return False
    name = decode_once(decode_once(name[-_NAME_KEPT:]))
    plain = decode_once(decode_once(value))
    letters = re.sub(r"[^a-z]", "", name.lower())
    words = {word.lower() for word in _WORDS.findall(name)}
    if plain.lower() in _PLAIN_VALUES or not any(map(str.isalnum, plain)):
        return False
    if _PASSWORDS.search(letters) or words & _PASSWORD_WORDS:
        return not _is_attack(around)
    if _TOKENS.search(letters) or words & _TOKEN_WORDS:
        found = _OPAQUE.fullmatch(plain) is not None and (not plain.isalpha() or len(plain) >= 16)
        return found and not _is_attack(around)
    if words & _KEY_WORDS and not words & _OTHER_CODES:
        digits = bool(words & _CODE_WORDS) and _DIGITS.fullmatch(plain) is not None
        return (digits or _is_random(plain, 16)) and not _is_attack(around)
    return False


def _is_attack(value: str) -> bool:
    return _ATTACK.search(canonical(value).text) is not None


def _is_random(value: str, least: int) -> bool:
    """Whether a word of at least `least` characters mixes letters and digits as no name or title does."""
    if len(value) < least or _OPAQUE.fullmatch(value) is None:
        return False
    if _HEX.fullmatch(value) and not value.isalpha() and not value.isdigit():
        return True
    kinds = [("d" if c.isdigit() else "u" if c.isupper() else "l") for c in value if c.isalnum()]
    changes = sum(a != b for a, b in itertools.pairwise(kinds))
    return "d" in kinds and len(set(kinds)) > 1 and changes >= least // 4

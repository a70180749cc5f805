"""Child: what fail2ban itself says of regexes. Runs in the system's Python, where fail2ban's modules are.

Reads a list of [prefregex or null, [failregex …], [ignoreregex …]], prints {"problems": [[[kind, text] …] …]}: kind
"broken" (does not compile), "host" (yields no address) or "tag" (a tag that nobody knows, kept as text).
"""

import json
import re
import sys

from fail2ban.server.failregex import FailRegex, Regex, RegexException  # type: ignore[import-not-found]

_TAG = re.compile(r"(?<!\?P)(?<!\\)</?[A-Za-z][\w-]*/?>")


def _problems(prefix: str | None, failregex: list[str], ignoreregex: list[str]) -> list[list[object]]:
    found: list[list[object]] = []
    before = None
    if prefix:
        try:
            before = Regex(prefix)
        except RegexException as error:
            return [["broken", str(error)[:300]]]
        found += [["tag", tag] for tag in _TAG.findall(before.getRegex())]
    for texts, make in ((failregex, lambda text: FailRegex(text, prefRegex=before)), (ignoreregex, Regex)):
        for text in texts:
            try:
                regex = make(text)
            except RegexException as error:
                found.append(["host" if "No failure-id group" in str(error) else "broken", str(error)[:300]])
            else:
                found += [["tag", tag] for tag in _TAG.findall(regex.getRegex())]
    return found


if __name__ == "__main__":
    print(json.dumps({"problems": [_problems(*each) for each in json.load(sys.stdin)]}))

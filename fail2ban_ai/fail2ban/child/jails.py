"""Jails as fail2ban's own readers see them, and filters set up from what they read."""

from fail2ban.client.jailreader import JailReader  # type: ignore[import-not-found]
from fail2ban.client.jailsreader import JailsReader  # type: ignore[import-not-found]
from fail2ban.server import ipdns  # type: ignore[import-not-found]
from fail2ban.server.filter import Filter  # type: ignore[import-not-found]
from fail2ban.server.mytime import MyTime  # type: ignore[import-not-found]

Command = list[object]


class BrokenJail(Exception):  # noqa: N818 - the name says the state
    """A jail that fail2ban itself would not start; the message is fail2ban's."""


def enabled(config: str) -> list[Command]:
    """The commands that set up every enabled jail: what `fail2ban-client -d` prints, but missing logs are no error.

    (`-d` prints nothing at all when one jail of many has no log file yet.)
    """
    reader = JailsReader(basedir=config, share_config={})
    if not reader.read():
        raise BrokenJail(f"no jail.conf in {config}")
    reader.getOptions(ignoreWrong=True)
    return [list(command) for command in reader.convert(allow_no_files=True)]


def one(config: str, name: str) -> list[Command]:
    """The commands that set up one jail of the configuration folder, enabled there or not.

    Raises:
        BrokenJail: there is no such jail, or fail2ban finds it wrong.
    """
    reader = JailReader(name, force_enable=True, basedir=config, share_config={})
    try:
        reader.read()
        reader.getOptions()
        commands = [list(command) for command in reader.convert(allow_no_files=True)]
    except Exception as error:
        raise BrokenJail(str(error)) from error
    for command in commands:
        if command[0] == "config-error":
            raise BrokenJail(str(command[1]))
    return commands


class SetUp:
    """A fail2ban filter with the jail's own options, and the options that are the jail's rather than the filter's."""

    def __init__(self, filter_: Filter, commands: list[Command]) -> None:
        self.filter = filter_
        self.bantime = 600  # fail2ban's default, BanManager.__init__
        self.notes: list[str] = []
        self._ignore_self = True  # fail2ban's default, Filter.__init__
        filter_.sleeptime = 0  # fail2ban naps after a line that raised; a replay need not
        filter_.setUseDns("no")
        filter_.ignoreSelf = False  # asks DNS for the host's names; loopback is added below instead
        for command in commands:
            verb, option, values = str(command[0]), "", list(command[3:])
            if verb in ("set", "multi-set") and len(command) > 3:
                option = str(command[2])
                if verb == "multi-set" and isinstance(values[0], list):
                    values = values[0]
            self._apply(option, [str(value) for value in values])
        if self._ignore_self:
            for own in ("127.0.0.0/8", "::1"):
                filter_.addIgnoreIP(own)

    def _apply(self, option: str, values: list[str]) -> None:
        if option == "addfailregex":
            for regex in values:
                self.filter.addFailRegex(regex)
        elif option == "addignoreregex":
            for regex in values:
                self.filter.addIgnoreRegex(regex)
        elif option == "addignoreip":
            for entry in values:
                self._ignore(entry)
        elif option == "bantime.increment":
            if values[0].lower() in ("1", "on", "true", "yes"):
                self.notes.append("bantime.increment is not replayed: bans after the first of an address last bantime")
        elif option == "ignorecommand":
            if values[0].strip():
                self.notes.append("ignorecommand is not run in a replay")
        else:
            self._apply_scalar(option, values[0] if values else "")

    def _apply_scalar(self, option: str, value: str) -> None:
        if option == "usedns" and value == "raw":
            self.filter.setUseDns("raw")  # looks nothing up
        elif option == "prefregex":
            self.filter.prefRegex = value
        elif option == "maxlines":
            self.filter.setMaxLines(value)
        elif option == "datepattern":
            self.filter.setDatePattern(value)
        elif option == "logencoding":
            self.filter.setLogEncoding(value)
        elif option == "logtimezone":
            self.filter.setLogTimeZone(value)
        elif option == "findtime":
            self.filter.setFindTime(value)
        elif option == "maxretry":
            self.filter.setMaxRetry(int(value))
        elif option == "bantime":
            self.bantime = int(MyTime.str2seconds(value))
        elif option == "ignoreself":
            self._ignore_self = value.lower() in ("1", "on", "true", "yes")

    def _ignore(self, entry: str) -> None:
        from_file = entry.startswith("file:") and hasattr(ipdns, "FileIPAddrSet")  # fail2ban 1.1
        if from_file or ipdns.IPAddr(entry).isValid:
            self.filter.addIgnoreIP(entry)
        elif entry:
            self.notes.append(f"ignoreip {entry}: host names are not looked up in a replay")

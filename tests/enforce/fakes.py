"""A fail2ban and a firewall that only remember, for what needs many runs and no server."""

from fail2ban_ai.errors import Fail2banDown, JailMissing
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.client import Client
from fail2ban_ai.fail2ban.effective import Nft


class FakeFail2ban(Client):
    """`attempts` is every ban ever asked for; `running` the jails; `down` and `deaf` (takes bans, lists none) faults."""

    def __init__(self) -> None:
        super().__init__()
        self.attempts: list[tuple[str, str]] = []
        self.running = [*jails.JAILS]
        self.bans: dict[str, list[str]] = {jail: [] for jail in jails.JAILS}
        self.bantime = 86400.0
        self.down = self.deaf = False

    def run(self, *words: str) -> str:
        if self.down:
            raise Fail2banDown("fail2ban does not answer: its server is not running.")
        if words == ("status",):
            return f"`- Jail list:\t{', '.join(self.running)}"
        if words == ("get", "dbfile"):
            return "Database currently disabled"
        verb, jail, what, *rest = words
        if jail not in self.running:
            raise JailMissing(f"fail2ban has no jail named {jail!r} running.")
        if verb == "get":
            return {"banip": " ".join(self.bans[jail]), "bantime": str(self.bantime)}.get(what, "")
        assert (verb, what) == ("set", "attempt")
        self.attempts.append((jail, rest[0]))
        if not self.deaf and rest[0] not in self.bans[jail]:
            self.bans[jail].append(rest[0])
        return "1"

    def await_banned(self, jail: str, targets: object, *, seconds: float = 0.0) -> set[str]:
        assert isinstance(targets, list)
        return {*targets} - set(self.banned(jail))


class FakeNft(Nft):
    """Blocks what fail2ban lists, until `flushed`."""

    def __init__(self, fail2ban: FakeFail2ban) -> None:
        super().__init__()
        self.fail2ban = fail2ban

    def blocked(self, jail: str) -> frozenset[str]:
        return frozenset(self.fail2ban.bans[jail])

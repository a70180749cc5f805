"""Everybody else: one namespace on a wire to the host, with an address for each visitor and each attacker."""

import subprocess
from pathlib import Path

from live_host import ADDRESS, PASSWORD, USER

from fail2ban_ai.fail2ban.namespace import Namespace

NETWORKS = ("198.51.100.0/24", "192.0.2.0/24", "198.18.0.0/24")
BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
)
TOOL_SECONDS = 25  # no tool runs longer

# One log-in for each line "kind user password": what a client's own library says, and what the server answers.
_LOGIN = """
import imaplib, sys
for line in sys.stdin:
    user, password = line.split()
    try:
        box = imaplib.IMAP4(sys.argv[1], timeout=5)
        box.login(user, password)
        print("in")
        box.logout()
    except imaplib.IMAP4.error:
        print("refused")
    except OSError:
        print("nothing")
"""


class Outside:
    """The other end of the wire. `using` makes an address the source of what is started next."""

    def __init__(self, here: Namespace, there: Namespace, folder: Path) -> None:
        self._there, self._folder = there, folder
        here.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", str(there.pid))
        here.run("ip", "address", "add", f"{ADDRESS}/32", "dev", "v0")
        here.run("ip", "link", "set", "v0", "up")
        there.run("ip", "link", "set", "v1", "up")
        for network in NETWORKS:
            here.run("ip", "route", "add", network, "dev", "v0")

    def using(self, address: str) -> None:
        """Come from this address from now on."""
        self._there.run("ip", "address", "replace", f"{address}/32", "dev", "v1")
        self._there.run("ip", "route", "replace", f"{ADDRESS}/32", "dev", "v1", "src", address)

    def get(self, address: str, *targets: str, agent: str = BROWSER) -> list[str]:
        """The statuses of requests, "000" for no answer."""
        self.using(address)
        urls = [word for target in targets for word in ("-o", "/dev/null", f"http://{ADDRESS}{target}")]
        done = self.tool("curl", "-s", "-g", "-A", agent, "--max-time", "3", "-w", "%{http_code}\n", *urls)
        return done.stdout.split()

    def imap(self, address: str, *tries: tuple[str, str]) -> list[str]:
        """What became of log-ins: "in", "refused" or "nothing"."""
        self.using(address)
        lines = "".join(f"{user} {password}\n" for user, password in tries)
        return self.tool("python3", "-c", _LOGIN, ADDRESS, given=lines).stdout.split()

    def hydra(self, address: str, service: str, words: Path) -> str:
        """Guess the user's password from a list; what hydra says."""
        self.using(address)
        return self.tool(
            "hydra", "-q", "-I", "-t", "2", "-W", "1", "-l", USER, "-P", str(words), f"{service}://{ADDRESS}"
        ).stdout

    def owner(self, address: str) -> list[str]:
        """The user's own mail program: one wrong password, then the right one."""
        return self.imap(address, (USER, "right-hrose-9"), (USER, PASSWORD))

    def tool(self, *words: str, given: str = "", seconds: float = TOOL_SECONDS) -> "subprocess.CompletedProcess[str]":
        """Run a tool to its end or its time."""
        command = [*self._there.command, "timeout", str(seconds), *words]
        return subprocess.run(
            command, input=given, capture_output=True, text=True, check=False, env=_ENVIRONMENT, cwd=self._folder
        )


_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}

"""One host with real daemons: nginx, sshd, dovecot and postfix in namespaces, their logs where fail2ban reads them.

The daemons live in network, mount and process namespaces whose first process dies with us, and everything else with it.
/dev/log is a receiver of ours that writes what rsyslog would, so the lines are the daemons' own.
"""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType

from fail2ban_ai.fail2ban.namespace import Namespace

ADDRESS = "203.0.113.1"
USER, PASSWORD = "alice", "right-horse-9"
PORTS = {"http": 80, "ssh": 22, "imap": 143, "smtp": 25}

_WORLD = r"""
set -e
mount --make-rprivate /
mount -t tmpfs tmpfs "$T/dev"
cp -a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty "$T/dev/"
ln -s /proc/self/fd "$T/dev/fd"; mkdir "$T/dev/pts" "$T/dev/shm"
mount -t devpts devpts "$T/dev/pts"; ln -s pts/ptmx "$T/dev/ptmx"
mount --move "$T/dev" /dev
mount -t tmpfs tmpfs /run; mkdir -p /run/sshd
mount -t tmpfs -o mode=0755 tmpfs /var/lib/postfix; chown postfix /var/lib/postfix
cp /etc/passwd /etc/shadow "$T/"
echo "$USER:x:4999:4999::/tmp:/bin/sh" >>"$T/passwd"
echo "$USER:$(openssl passwd -6 "$PASSWORD"):19000:0:99999:7:::" >>"$T/shadow"
mount --bind "$T/passwd" /etc/passwd; mount --bind "$T/shadow" /etc/shadow
touch "$T/ready"
exec sleep infinity
"""

# Facilities 4 and 10 are auth and authpriv, 2 is mail (RFC 5424, section 6.2.1).
_SYSLOG = """
import os, re, socket, sys, time
auth, mail = (open(name, "a", buffering=1) for name in sys.argv[1:])
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
os.chmod("/dev/log", 0o666)
print("ready", flush=True)
while True:
    found = re.match(r"<(\\d+)>(?:\\w{3} [ \\d]\\d [\\d:]{8} )?(.*)", log.recv(8192).decode("utf-8", "replace"))
    if found:
        out = {4: auth, 10: auth, 2: mail}.get(int(found[1]) >> 3)
        if out:
            out.write(f"{time.strftime('%b %e %H:%M:%S')} mx {found[2]}\\n")
"""

_NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {logs[error.log]} error;
events {{ worker_connections 256; }}
http {{
  access_log {logs[access.log]} combined;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  map $args $broken {{ default 0; "~*(%27|'|%22)" 1; }}
  server {{
    listen 80; root {folder}/www; default_type text/html;
    location = /item {{ if ($broken) {{ return 500 "error in your SQL syntax"; }} return 200 "<p>an item</p>"; }}
    location = /search {{ return 200 "<p>nothing found</p>"; }}
    location = /health {{ return 200 "ok"; }}
  }}
}}
"""
_SSHD = """
Port 22
HostKey {folder}/hostkey
PidFile {folder}/sshd.pid
UsePAM yes
PasswordAuthentication yes
KbdInteractiveAuthentication no
MaxStartups 100
"""
_DOVECOT = """
base_dir = /run/dovecot
protocols = imap
ssl = no
disable_plaintext_auth = no
mail_location = maildir:{folder}/mail
first_valid_uid = 1
auth_failure_delay = 0 secs
passdb {{
  driver = static
  args = user={user} password={password}
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail
}}
service auth {{
  unix_listener {folder}/auth {{
    mode = 0666
  }}
}}
"""
_POSTFIX = """
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = /var/lib/postfix
myhostname = mx.example.org
mynetworks = 127.0.0.0/8
inet_interfaces = all
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/auth
smtpd_peername_lookup = no
"""


class LiveHost:
    """A context manager; `logs`: the files that fail2ban reads, by name (access.log, error.log, auth.log, mail.log)."""

    def __init__(self, namespace: Namespace, folder: Path, logs: Mapping[str, Path]) -> None:
        self._namespace, self._folder, self._logs = namespace, folder, logs
        self._holder: subprocess.Popen[bytes] | None = None
        self._started: list[subprocess.Popen[str]] = []

    def __enter__(self) -> "LiveHost":
        for name in ("dev", "www", "mail", "spool", "postfix"):
            (self._folder / name).mkdir()
            (self._folder / name).chmod(0o755)
        (self._folder / "mail").chmod(0o777)
        for name in ("index.html", "about.html", "style.css", "news.html"):
            (self._folder / "www" / name).write_text(f"<p>{name}</p>\n")
        try:
            self._begin()
            self._daemons()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _begin(self) -> None:
        variables = {
            "T": str(self._folder),
            "USER": USER,
            "PASSWORD": PASSWORD,
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        }
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--", "bash", "-c", _WORLD]
        self._holder = subprocess.Popen([*self._namespace.command, *unshare], env=variables)
        _until((self._folder / "ready").exists, "the namespaces are made")

    def _first(self) -> str:
        """The first process of the namespaces, as we see it."""
        assert self._holder is not None
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text().split()
        return children[0]

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """Start a daemon inside; it ends with the namespaces."""
        enter = ["nsenter", "--target", self._first(), "--net", "--mount", "--pid", "--", *words]
        with (self._folder / "daemons.txt").open("a") as told:
            daemon = subprocess.Popen(enter, stdout=told, stderr=told, stdin=subprocess.DEVNULL, text=True)
        self._started.append(daemon)
        return daemon

    def _daemons(self) -> None:
        folder, logs = self._folder, self._logs
        self.start(sys.executable, "-c", _SYSLOG, str(logs["auth.log"]), str(logs["mail.log"]))
        _until(lambda: "ready" in (folder / "daemons.txt").read_text(), "/dev/log is there")
        for name, text in (("nginx", _NGINX), ("sshd", _SSHD), ("dovecot", _DOVECOT), ("postfix/main.cf", _POSTFIX)):
            filled = text.format(folder=folder, logs=logs, user=USER, password=PASSWORD)
            (folder / (f"{name}.conf" if "/" not in name else name)).write_text(filled)
        stock = Path("/usr/share/postfix/master.cf.dist").read_text()
        unjailed = re.sub(r"(?m)^(\S+ +\S+ +\S+ +\S+ +)y", r"\1n", stock)  # a chroot would hide dovecot's socket
        (folder / "postfix/master.cf").write_text(unjailed)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "hostkey")], check=True)
        self.start("nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"))
        self.start("/usr/sbin/sshd", "-D", "-f", str(folder / "sshd.conf"))
        self.start("dovecot", "-F", "-c", str(folder / "dovecot.conf"))
        self.start("postfix", "-c", str(folder / "postfix"), "start-fg")
        _until(self._listening, "every daemon listens")

    def _listening(self) -> bool:
        told = self._namespace.run("ss", "-Hltn").stdout
        return all(f":{port} " in told for port in PORTS.values())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._holder is not None:
            self._holder.kill()
            self._holder.wait()
            self._holder = None
        for daemon in self._started:
            daemon.wait(10)  # its namespace is gone, and it with it


def _until(holds: Callable[[], bool], what: str, patience: float = 30.0) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline, f"{patience} s passed and it is not so that {what}"
        time.sleep(0.1)

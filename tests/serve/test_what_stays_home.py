"""What leaves the host: never an address, an account or a secret, whatever holds it; what attackers send, mostly does."""

import ipaddress
import string
from datetime import UTC, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fail2ban_ai import canonical
from fail2ban_ai.actors.texts import Texts
from fail2ban_ai.model.private import may_leave
from fail2ban_ai.training import corpora
from fail2ban_ai.training.simulator import training_world

ACCOUNTS = st.text(string.ascii_lowercase, min_size=5, max_size=12).map(lambda name: f"zq{name}")
SECRETS = st.text(string.ascii_letters + string.digits, min_size=8, max_size=60).map(lambda word: f"zq{word}")
IPV4 = st.integers(0, 255).map(lambda i: f"198.51.100.{i}")
IPV6 = st.integers(1, (1 << 96) - 1).map(lambda i: str(ipaddress.IPv6Address((0x20010DB8 << 96) | i)))

ACCOUNT_IN = (
    "/login?user={}&x=1",
    "/api?q=1&email={}@example.org",
    "/search?q={}%40example.org",
    "/~{}/index.html",
    "/users/{}/settings",
    "/u/{}",
    "/@{}/posts",
    "/?author_name={}",
    "/x?file=/home/{}/.ssh/id_rsa",
    '/x?json={{"username":"{}"}}',
    "https://{}@example.org/",
)
SECRET_IN = (
    "/login?lang=de&password={}",
    "/cb?access_token={}&state=",
    "/go?next=%2Fcb%3Ftoken%3D{}%26x%3D1",
    "/reset/{}",
    "/x;jsessionid={}",
    '/x?q={{"api_key":"{}"}}',
)


def texts(**columns: str) -> list[str]:
    """The texts that the model reads of one event."""
    row = {
        "time": datetime(2026, 1, 1, tzinfo=UTC),
        "service": "web",
        "kind": "request",
        "target": None,
        "message": None,
        "agent": None,
        "account": None,
        "referer": None,
    } | columns
    frame = pl.DataFrame(
        [row], schema_overrides=dict.fromkeys(("target", "message", "agent", "account", "referer"), pl.String)
    )
    made = Texts(1000)
    return [
        *(request.text for request in made.requests(frame).values),
        *made.seconds(frame).values,
        *made.referers(frame).values,
    ]


def leaving(**columns: str) -> str:
    return " ".join(text for text in texts(**columns) if may_leave(text))


@pytest.mark.parametrize("template", ACCOUNT_IN)
@settings(deadline=None, max_examples=50)
@given(name=ACCOUNTS)
def test_no_account_leaves(template: str, name: str) -> None:
    written = template.format(name)
    for column in ("target", "referer"):
        assert name not in leaving(**{column: written})


@pytest.mark.parametrize("template", SECRET_IN)
@settings(deadline=None, max_examples=50)
@given(secret=SECRETS)
def test_no_secret_leaves(template: str, secret: str) -> None:
    written = template.format(secret)
    for column in ("target", "referer"):
        assert canonical.mask(secret.lower()) not in leaving(**{column: written})


@settings(deadline=None, max_examples=50)
@given(
    address=st.one_of(IPV4, IPV6), template=st.sampled_from(("/{}/x", "/?to={}", "/x?url=http://[{}]:80/", "/a%3A{}"))
)
def test_no_address_leaves(address: str, template: str) -> None:
    left = leaving(target=template.format(address))
    assert address not in left
    assert ":db" not in left  # nor a part of one that is left when digits are masked


@settings(deadline=None, max_examples=50)
@given(name=ACCOUNTS, address=st.one_of(IPV4, IPV6))
def test_no_line_of_a_login_service_leaves_and_no_account(name: str, address: str) -> None:
    message = f"Failed password for {name} from {address} port 22 ssh2"
    for service in ("sshd", "dovecot", "postfix", "my-jail", "web/0.0"):
        assert leaving(service=service, kind="login_failed", message=message, account=name) == ""


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_judged(text: str) -> None:
    assert may_leave(text) in (True, False)


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/wp-login.php",
        "/index.php?id=1' union select 1,2,3 from information_schema.tables--",
        "/cgi-bin/../../../../etc/passwd",
        "/?q=<script>alert(1)</script>",
        "/shop/item/4711?colour=red&page=2",
        "/.git/config",
    ],
)
def test_what_names_nobody_leaves(target: str) -> None:
    assert leaving(target=target) == texts(target=target)[0]


def test_agents_leave() -> None:
    assert leaving(agent="Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0").startswith("mozilla")
    assert leaving(agent="Mozilla/5.0 (report to alice@example.org)") == ""


def test_most_of_what_a_web_server_sees_leaves() -> None:
    found: set[str] = set()
    for seed in range(3):
        tokens = corpora.simulated(training_world(seed), f"world{seed}").tokens
        found.update(text for text in (*tokens.request, *tokens.referer) if text.startswith("/"))
    assert sum(map(may_leave, found)) > 0.9 * len(found)

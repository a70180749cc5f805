"""What the shipped weights say about plain behaviours: order matters here, not figures (those are in the card)."""

import numpy as np
import pytest
from tokens_of import FIREFOX, failed, logged_in, request, tokens

from fail2ban_ai.actors import Tokens
from fail2ban_ai.model.labels import ATTACKS
from fail2ban_ai.model.onnx import OnnxRuntime
from fail2ban_ai.model.scorer import Scorer
from fail2ban_ai.model.weights import load

SCANNER = "192.0.2.66"
VISITOR = "198.51.100.7"


@pytest.fixture(scope="module")
def runtime() -> OnnxRuntime:
    return OnnxRuntime()


def company() -> list[dict]:
    """Forty visitors of a small site over a day: what makes its pages familiar."""
    pages = ("/", "/about", "/news", "/news/spring", "/css/site.css", "/img/logo.png", "/contact")
    return [
        request(f"203.0.113.{k}", 1000 + 2000 * k + 7 * i, page, referer=None if i == 0 else "https://www.example.com/")
        for k in range(1, 41)
        for i, page in enumerate(pages)
    ]


def last(runtime: OnnxRuntime, made: Tokens, actor: str) -> float:
    scores = Scorer(runtime).score(made).hostile
    return float(scores[max(i for i, name in enumerate(made.actor) if name == actor)])


def test_a_scanner_stands_above_a_visitor(runtime: OnnxRuntime) -> None:
    rows = company()
    wanted = ("/.env", "/.git/config", "/wp-config.php.bak", "/backup.sql", "/phpinfo.php")
    rows += [request(SCANNER, 90_000 + 3 * i, path, 404, "curl/8.5.0") for i, path in enumerate(wanted)]
    pages = ("/", "/css/site.css", "/about", "/news", "/news/spring")
    rows += [request(VISITOR, 90_000 + 9 * i, page, referer="https://www.example.com/") for i, page in enumerate(pages)]
    made = tokens(rows)
    assert last(runtime, made, SCANNER) >= load().threshold("web", "normal")
    assert last(runtime, made, VISITOR) < 0.5


def test_two_events_are_enough_for_a_verdict(runtime: OnnxRuntime) -> None:
    rows = [
        *company(),
        request(SCANNER, 90_000, "/.env", 404, "curl/8.5.0"),
        request(SCANNER, 90_010, "/.git/config", 404, "curl/8.5.0"),
    ]
    assert last(runtime, tokens(rows), SCANNER) >= load().threshold("web", "strict")


def test_a_browser_agent_hides_no_scanner(runtime: OnnxRuntime) -> None:
    wanted = ("/.env", "/wp-login.php", "/phpmyadmin/index.php", "/.git/HEAD", "/admin.php")
    rows = company() + [request(SCANNER, 90_000 + 2000 * i, path, 404, FIREFOX) for i, path in enumerate(wanted)]
    assert last(runtime, tokens(rows), SCANNER) >= load().threshold("web", "strict")


def test_guessing_accounts_stands_above_a_mistyped_password(runtime: OnnxRuntime) -> None:
    rows = [logged_in(VISITOR, 86_400.0 * day, "alice") for day in range(4)]
    rows += [failed(VISITOR, 400_000, "alice"), logged_in(VISITOR, 400_010, "alice")]
    names = ("root", "admin", "test", "oracle", "postgres", "ubuntu")
    rows += [failed(SCANNER, 400_000 + 30 * i, name) for i, name in enumerate(names)]
    made = tokens(rows)
    assert last(runtime, made, SCANNER) > last(runtime, made, VISITOR) + 0.3


@pytest.mark.parametrize(
    ("target", "attack"),
    [
        ("/item.php?id=1%27%20UNION%20SELECT%20user,password%20FROM%20users--", "sqli"),
        ("/search?q=%3Cscript%3Ealert(1)%3C/script%3E", "xss"),
        ("/view?file=../../../../etc/passwd", "traversal"),
        ("/view?file=%252e%252e%252f%252e%252e%252f%252e%252e%252fetc%252fpasswd", "traversal"),
        ("/", "benign"),
        ("/news/spring-sale", "benign"),
        ("/search?q=o%27reilly+books", "benign"),
    ],
)
def test_class_of_attack_of_one_request(runtime: OnnxRuntime, target: str, attack: str) -> None:
    made = tokens([request(VISITOR, 0, target)])
    found = Scorer(runtime).score(made).attack[0]
    assert ATTACKS[int(np.argmax(found))] == attack

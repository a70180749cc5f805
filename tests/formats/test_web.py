"""Access logs: fields, malformed requests, JSON in the shapes that servers and administrators write."""

import json
from datetime import UTC, datetime

import pytest

from tests.formats.reading import events, one, parse

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
HEAD = "192.0.2.1 - bob [24/Nov/2026:13:00:00 +0100]"


def test_combined() -> None:
    event = one("combined", HEAD + ' "GET /a?b=%27 HTTP/1.1" 404 162 "https://example.com/" "Mozilla/5.0 (X11)"')
    wanted = {
        "time": NOON, "service": "web", "kind": "request", "address": "192.0.2.1", "account": "bob", "method": "GET",
        "target": "/a?b=%27", "status": 404, "bytes": 162, "referer": "https://example.com/", "agent": "Mozilla/5.0 (X11)",
        "host": None, "line": 1, "source": "test.log",
    }  # fmt: skip
    assert {key: event[key] for key in wanted} == wanted


def test_common_and_dashes() -> None:
    event = one("common", '2001:db8::1 - - [24/Nov/2026:12:00:00 +0000] "POST / HTTP/2.0" 200 -')
    assert (event["address"], event["bytes"], event["account"], event["agent"]) == ("2001:db8::1", 0, None, None)
    event = one("combined", '192.0.2.1 - - [24/Nov/2026:12:00:00 +0000] "POST / HTTP/2.0" 200 5 "-" "-" "203.0.113.9"')
    assert (event["address"], event["referer"], event["agent"]) == ("192.0.2.1", None, None)


def test_vhost_combined_keeps_the_host() -> None:
    line = f'www.example.com:443 {HEAD} "GET / HTTP/1.1" 200 5 "-" "curl/8"'
    event = one("vhost_combined", line)
    assert (event["host"], event["address"]) == ("www.example.com:443", "192.0.2.1")
    assert parse("combined", line).understood == 0


@pytest.mark.parametrize("request_line", ["", "-", r"\x16\x03\x01", "HELP", r"GET /a b"])
def test_a_malformed_request_is_a_target_without_a_method(request_line: str) -> None:
    event = one("combined", f'{HEAD} "{request_line}" 400 0 "-" "-"')
    assert (event["method"], event["target"]) == (None, request_line)


def test_escaped_quotes_stay_in_their_field() -> None:
    line = (
        HEAD
        + r' "GET / HTTP/1.1" 200 5 "-" "a\" 198.51.100.7 - - [24/Nov/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 5"'
    )
    event = one("combined", line)
    assert event["address"] == "192.0.2.1"
    assert event["agent"].startswith(r"a\" 198.51.100.7")


NGINX = {"time_iso8601": "2026-11-24T13:00:00+01:00", "remote_addr": "192.0.2.1", "request": "GET /a?b=1 HTTP/1.1",
         "status": "200", "body_bytes_sent": "5", "http_referer": "", "http_user_agent": "curl/8", "http_host": "example.com",
         "http_x_forwarded_for": "203.0.113.9"}  # fmt: skip
APACHE = {"time": "24/Nov/2026:13:00:00 +0100", "remoteIP": "192.0.2.1", "host": "example.com", "request": "/a", "query": "?b=1",
          "method": "GET", "status": "200", "userAgent": "curl/8", "referer": "-"}  # fmt: skip
CADDY = {"ts": 1795521600.5, "logger": "http.log.access", "request": {"remote_ip": "192.0.2.1", "client_ip": "203.0.113.9",
         "method": "GET", "host": "example.com", "uri": "/a?b=1", "headers": {"User-Agent": ["curl/8"]}}, "size": 5,
         "status": 200}  # fmt: skip
TRAEFIK = {"ClientHost": "192.0.2.1", "RequestMethod": "GET", "RequestPath": "/a?b=1", "DownstreamStatus": 200,
           "DownstreamContentSize": 5, "request_User-Agent": "curl/8", "RequestHost": "example.com",
           "StartUTC": "2026-11-24T12:00:00.5Z", "time": "2026-11-24T12:00:01Z"}  # fmt: skip


@pytest.mark.parametrize("entry", [NGINX, APACHE, CADDY, TRAEFIK])
def test_json_lines(entry: dict[str, object]) -> None:
    event = one("web_json", json.dumps(entry))
    wanted = {"address": "192.0.2.1", "method": "GET", "target": "/a?b=1", "status": 200, "agent": "curl/8",
              "host": "example.com", "referer": None}  # fmt: skip
    assert {key: event[key] for key in wanted} == wanted
    assert event["time"].replace(microsecond=0) == NOON


def test_a_broken_json_line_costs_only_itself() -> None:
    good = json.dumps(NGINX)
    parsed = parse("web_json", good, good[:-9], "{" * 64_000, '{"status": 200}', "{}", "[1]", good)
    assert (parsed.understood, parsed.events["line"].to_list()) == (2, [1, 7])


def test_events_keep_the_order_of_lines() -> None:
    lines = [f'192.0.2.{n} - - [24/Nov/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"' for n in range(1, 200)]
    assert [event["line"] for event in events("combined", *lines)] == list(range(1, 200))


def test_a_line_that_was_cut_within_the_agent_still_counts() -> None:
    event = one("combined", HEAD + ' "GET /a HTTP/1.1" 200 5 "-" "Mozilla/5.0 (X11; Lin')
    assert (event["address"], event["agent"]) == ("192.0.2.1", "Mozilla/5.0 (X11; Lin")
    assert parse("combined", HEAD + ' "GET /a HTTP/1.1" 200 5 "http://exa').understood == 0


def test_a_host_between_stamp_and_request() -> None:
    line = '192.0.2.1 - - - [24/Nov/2026:12:00:00 ] shop.example "GET /a HTTP/1.1" 200 5 "-" "curl/8.0" + 1 2 3'
    event = one("combined", line)
    assert (event["address"], event["time"], event["target"], event["agent"]) == ("192.0.2.1", NOON, "/a", "curl/8.0")


def test_nginx_proxy_manager() -> None:
    rest = '- GET https shop.example "/a?b=1" [Client 192.0.2.1] [Length 77] [Gzip 2.50] [Sent-to 10.0.0.5]'
    for first in ("404 ", "- 404 404 ", "MISS 502, 404 404 "):
        event = one(
            "nginx_proxy_manager", f'[24/Nov/2026:13:00:00 +0100] {first}{rest} "curl/8.0" "https://example.com/"'
        )
        wanted = {
            "time": NOON, "address": "192.0.2.1", "method": "GET", "target": "/a?b=1", "status": 404, "bytes": 77,
            "host": "shop.example", "agent": "curl/8.0", "referer": "https://example.com/",
        }  # fmt: skip
        assert {key: event[key] for key in wanted} == wanted


def test_no_field_of_a_client_names_the_address_of_nginx_proxy_manager() -> None:
    planted = "[Client 203.0.113.9] [Length 1] [Gzip -]"
    line = f'[24/Nov/2026:13:00:00 +0100] 200 - GET https a.example "/x {planted} y" [Client 192.0.2.1] [Length 5]'
    event = one("nginx_proxy_manager", f'{line} [Gzip -] "{planted}" "{planted}"')
    assert event["address"] == "192.0.2.1"


def test_stamp_host_address() -> None:
    event = one(
        "nginx_timed", '[24/Nov/2026:12:00:00 +0000] _ 192.0.2.1 0.120 "GET /a HTTP/1.1" 401 77 310 - Some App/1.0'
    )
    assert (event["address"], event["status"], event["target"]) == ("192.0.2.1", 401, "/a")
    assert (event["referer"], event["agent"]) == (None, "Some App/1.0")
    planted = '[24/Nov/2026:12:00:00 +0000] _ 192.0.2.1 0.1 "GET / HTTP/1.1" 200 7 3 - x] _ 203.0.113.9 0.1 "GET / HTTP/1.1" 200 7'
    assert one("nginx_timed", planted)["address"] == "192.0.2.1"


@pytest.mark.parametrize("tag", ["", "web.0 nginx: ", "web nginx[7]: "])
@pytest.mark.parametrize("key", ["log", "message"])
def test_lines_wrapped_by_a_container_s_log_driver(key: str, tag: str) -> None:
    line = HEAD + ' "GET /a HTTP/1.1" 404 5 "-" "curl/8.0"\n'
    event = one("web_wrapped", json.dumps({key: tag + line, "stream": "stdout", "time": "2020-01-01T00:00:00Z"}))
    assert (event["time"], event["address"], event["status"], event["agent"]) == (NOON, "192.0.2.1", 404, "curl/8.0")
    assert parse("web_wrapped", json.dumps({key: "started", "stream": "stderr"})).understood == 0

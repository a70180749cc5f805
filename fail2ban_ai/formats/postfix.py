"""Postfix's smtpd and postscreen; its other programs never see a client and are passed over.

A client is written as NAME[ADDRESS], its name from the DNS and so without blanks or brackets; it stands before
everything that the client sent (sender, HELO, user name, pipelined text).
"""

from fail2ban_ai.formats.patterns import Pattern

PROGRAMS = (r"postfix[\w.-]*(?:/[\w.-]+)*/(?:smtpd|postscreen)",)

_CLIENT = {
    "client": r"[^\s\[\]]*\[(?P<address>[0-9a-fA-F:.]+|unknown)\](?::\d+)?",
    "id": r"(?:NOQUEUE|[0-9A-Za-z]+)",
    "command": r"[A-Za-z]+(?: \S+)?",
    "none": r"auth=0/\d+",
    "tail": r".*",
    "name": r"(?P<account>[^,]*)",
}


def _p(kind: str | None, text: str) -> Pattern:
    return Pattern(kind, text, _CLIENT)


TABLE = (
    _p(None, "connect from <client>"),
    _p(None, "warning: <client>: SASL <word> authentication failed: Connection lost to authentication server<any>"),
    _p("login_failed", "warning: <client>: SASL <word> authentication failed: <tail>, sasl_username=<user>"),
    _p("login_failed", "warning: <client>: SASL <word> authentication failed<tail>"),
    _p("login_ok", "<id>: client=<client>, sasl_method=<word>, sasl_username=<name>((, sasl_sender=<any>))"),
    _p("reject", "<id>: {reject|milter-reject|reject_warning|discard|hold}: <command> from <client>: <tail>"),
    _p(
        "reject",
        "warning: {Connection rate|Connection concurrency|Message delivery request rate|Recipient address rate|"
        "New TLS session rate|AUTH command rate} limit exceeded: <n> from <client> for service <word>",
    ),
    _p(
        "probe",
        "((NOQUEUE: )){lost connection|timeout|too many errors|improper command pipelining} after <command> "
        "((\\(<n> bytes\\) ))from <client><tail>",
    ),
    _p("probe", "((warning: )){non-SMTP command|Illegal address syntax|Illegal UTF-8 input} from <client><tail>"),
    _p("probe", "SSL_accept error from <client>: <tail>"),
    _p("login_hint", "disconnect from <client><tail> <none>(( <tail>))"),
    _p(None, "disconnect from <client><tail>"),
    _p("probe", "PREGREET <n> after <word> from <client>: <tail>"),
    _p("probe", "HANGUP after <word> from <client><tail>"),
    _p(
        "probe",
        "{COMMAND TIME LIMIT|COMMAND COUNT LIMIT|COMMAND LENGTH LIMIT|NON-SMTP COMMAND|BARE NEWLINE} "
        "from <client><tail>",
    ),
    _p("probe", "COMMAND PIPELINING from <client><tail>"),
    _p("reject", "DNSBL rank <n> for <client>"),
    _p(
        None,
        "{CONNECT|DISCONNECT|PASS NEW|PASS OLD|WHITELISTED|ALLOWLISTED|BLACKLISTED|DENYLISTED|cache} <any>",
    ),
    _p(None, "<id>: client=<any>"),
    _p(None, "<id>: {filter|warn|info|prepend|replace|redirect|permit|milter-}<any>"),
    _p(None, "{Anonymous|Trusted|Untrusted|Verified|setting up TLS|SSL|TLS SNI|initializing|looking for session}<any>"),
    _p(
        None,
        "warning: {hostname|numeric hostname|dns|TLS library problem|run-time library|connect to|dict_|cannot get|"
        "SASL|unknown smtpd|milter|Milter|network_biopair|problem talking|support for|restriction|access table|"
        "unable to look up|valid_hostname|malformed|database|hash:|proxy:|mysql|pgsql|ldap|table|request|timeout|"
        "lookup|smtpd_|<client>: |xsasl|psc_|no permission|process|/|before-queue|non-}<any>",
    ),
    _p(
        None,
        "{statistics|table|fatal|error|panic|reload|refreshing|auto_clnt|name_mask|xsasl|watchdog}<any>",
    ),
    _p(None, "{To disable backwards|See http|Postfix is running|using backwards-compatible}<any>"),
)

"""Web access logs of one JSON object per line: nginx and Apache as administrators set them up, Caddy, Traefik.

The names of the fields are the administrator's choice; these are the usual ones. Addresses that a proxy names
(X-Forwarded-For, Caddy's client_ip) are not read.
"""

from dataclasses import dataclass

import polars as pl

from fail2ban_ai.formats import base, times
from fail2ban_ai.formats.clock import Clock

# Field of the event: the paths it is looked for at, in this order.
_PATHS = {
    "address": (
        "remote_addr",
        "request.remote_ip",
        "ClientHost",
        "remote_ip",
        "remoteIP",
        "remoteAddr",
        "remote_host",
        "clientip",
        "client_ip",
        "ip",
        "source_ip",
        "remote",
        "client",
        "nginx.access.remote_ip",
    ),
    "account": ("remote_user", "user_id", "ClientUsername", "user", "remoteUser", "auth"),
    "stamp": (
        "time_iso8601",
        "StartUTC",
        "time_local",
        "timestamp",
        "@timestamp",
        "time",
        "ts",
        "msec",
        "datetime",
        "date",
    ),
    "line": ("request", "request_line"),
    "method": ("request.method", "request_method", "RequestMethod", "method", "verb"),
    "target": ("request.uri", "request_uri", "RequestPath", "uri", "url", "path", "target"),
    "query": ("args", "query", "query_string"),
    "status": ("status", "DownstreamStatus", "response", "status_code", "code"),
    "bytes": ("body_bytes_sent", "size", "DownstreamContentSize", "bytes_sent", "bytes", "bytesSent", "response_size"),
    "referer": (
        "http_referer",
        "request.headers.Referer[0]",
        "request_Referer",
        "referer",
        "referrer",
        "http_referrer",
    ),
    "agent": (
        "http_user_agent",
        "request.headers.User-Agent[0]",
        "request_User-Agent",
        "user_agent",
        "userAgent",
        "agent",
        "useragent",
        "http_user-agent",
    ),
    "host": ("request.host", "RequestHost", "http_host", "host", "server_name", "vhost", "virtual_host"),
}
_OBJECT = r"^\s*\{.*\}\s*$"
_DEEPEST = 40  # brackets; no access log nests that deep, and a deep one is the parser's work for nothing


@dataclass(frozen=True, slots=True)
class JsonLog:
    """JSON lines of a web server."""

    name: str = "web_json"
    service: str = "web"
    yearless: bool = False

    def parse(self, frame: pl.DataFrame, *, source: str, clock: Clock) -> base.Parsed:
        """As base.Format.parse."""
        raw = pl.col("raw")
        fits = raw.str.contains(_OBJECT) & (raw.str.count_matches(r"[\[{]") <= _DEEPEST)
        lines = frame.filter(fits)
        if lines.is_empty():
            return base.Parsed(base.to_events(_nothing(lines), source), 0)
        present = [(field, path) for field, paths in _PATHS.items() for path in paths if _mentioned(lines, path)]
        found = lines.with_columns(_at(path).alias(f"{field}:{path}") for field, path in present)
        fields: list[pl.Expr] = []
        for field in _PATHS:
            columns = [pl.col(f"{field}:{path}") for given, path in present if given == field]
            fields.append(pl.coalesce(columns or [pl.lit(None, pl.String)]).alias(field))
        rows = found.select("raw", pl.col("line").alias("number"), *fields).rename(
            {"line": "request", "number": "line"}
        )
        rows = rows.with_columns(_times(rows["stamp"], clock).alias("time"))
        rows = rows.filter(pl.all_horizontal(pl.col("time", "address", "status").is_not_null()))
        rows = rows.filter(pl.col("request").is_not_null() | pl.col("target").is_not_null())
        # Apache's "request": "%U" is a path, not a request line.
        named = pl.col("request").is_null() | ~pl.col("request").str.contains(r"^\S+ ")
        given = rows.select(
            pl.when(named).then("method"), pl.when(named).then(pl.coalesce("target", "request")), "query"
        )
        rows = base.with_request(rows)
        query = given["query"].str.strip_prefix("?")
        asked = ~given["target"].str.contains("?", literal=True) & (query.str.len_chars() > 0)
        rows = rows.with_columns(
            pl.when(named).then(given["method"]).otherwise("method").alias("method"),
            pl.when(named & asked)
            .then(given["target"] + "?" + query)
            .when(named)
            .then(given["target"])
            .otherwise("target")
            .alias("target"),
            pl.col("status").cast(pl.Float64, strict=False).cast(pl.UInt16, strict=False),
            pl.col("bytes").cast(pl.Float64, strict=False).cast(pl.Int64, strict=False),
            pl.lit("request").alias("kind"),
            pl.lit(self.service).alias("service"),
        ).filter(pl.col("target").is_not_null())
        return base.Parsed(base.to_events(rows, source), rows.height)


def _mentioned(lines: pl.DataFrame, path: str) -> bool:
    first = path.partition(".")[0]
    return bool(lines["raw"].str.contains(f'"{first}"', literal=True).any())


def _at(path: str) -> pl.Expr:
    """The text at a path of the object; null where there is none, where it is an object, or no JSON at all."""
    steps = "".join(
        f"['{step.removesuffix('[0]')}']" + ("[0]" if step.endswith("[0]") else "") for step in path.split(".")
    )
    text = pl.col("raw").str.json_path_match(f"${steps}")
    return pl.when(~text.str.starts_with("{") & ~text.str.starts_with("[")).then(text)


def _times(stamps: pl.Series, clock: Clock) -> pl.Series:
    """Stamps in seconds since 1970, ISO 8601 or Apache's own form, whichever each one is."""
    bare = stamps.str.strip_chars("[] ")
    number = bare.str.contains(r"^\d{9,11}(\.\d+)?$")
    found = pl.Series("time", [None] * len(bare), dtype=pl.Datetime("us", "UTC"))
    iso, clf = bare.str.contains(r"^\d{4}-"), bare.str.contains(r"^\d\d/\w{3}/\d{4}:")
    for fits in (number, iso, clf):
        at = fits.fill_null(value=False).arg_true()
        if len(at):
            part = bare.gather(at)
            read = (
                times.epoch(part)
                if fits is number
                else times.iso(part, clock)
                if fits is iso
                else times.clf(part, clock)
            )
            found = found.scatter(at, read)
    return found


def _nothing(lines: pl.DataFrame) -> pl.DataFrame:
    return lines.clear().with_columns(
        pl.lit(None, pl.String).alias("address"), pl.lit(None, pl.Datetime("us", "UTC")).alias("time")
    )

"""Hosts with labels, ready for training: real ones from the corpora folder, simulated ones from the simulator."""

import csv
import gzip
import tempfile
from pathlib import Path

import polars as pl

from fail2ban_ai.actors.timelines import Timelines
from fail2ban_ai.actors.tokens import joined
from fail2ban_ai.addresses import actor_of
from fail2ban_ai.errors import SourceError
from fail2ban_ai.model.labels import KINDS
from fail2ban_ai.sources import LogReader
from fail2ban_ai.training.hosts import Host, Truth
from fail2ban_ai.training.simulator import World

VALIDATION = ("sevimkilinc", "dolpari", "kolik_auth", "heritagetitle")
"""Hosts that no training, calibration or choice of threshold may see."""

HONEYPOTS = ("hanxen_honeypot", "ocatak", "gtkcyber")
"""Nobody has an honest reason to come: every address that no label calls otherwise is hostile."""

_PROXIED = ("daniloday",)  # its addresses are a CDN's
_LOGS = ("access", "auth.log", "secure", "mail.log", "maillog", "vsftpd", "proftpd", "acunetix", "netsparker", "w3af")
_NOT_LOGS = (".py", ".pyc", "apache_access.log", "cowrie", ".csv", "fail2ban", "error")
_CHUNK = 65536  # events given to Timelines at once
_UNTOLD = "-"  # in a label file
_FAILURES = ("login_failed", "invalid_user", "reject", "failure", "probe")


def names(corpora: Path) -> list[str]:
    """Hosts of the corpora folder that have labels or are honeypots, proxied ones left out."""
    labelled = {path.name.split(".")[0] for path in (corpora / "labels").glob("*.tsv.gz")}
    return sorted((labelled | set(HONEYPOTS)) - set(_PROXIED))


def frame(corpora: Path, name: str) -> pl.DataFrame:
    """The events of a host of the corpora folder, in order of time.

    Raises:
        SourceError: no log of it can be read.
    """
    files = sorted(path for path in (corpora / "logs" / name / "raw").iterdir() if _is_log(path.name))
    if not files:
        raise SourceError(f"{name}: there are no logs in {corpora / 'logs' / name / 'raw'}")
    if name not in HONEYPOTS:
        return _sorted(name, LogReader(files))
    with tempfile.TemporaryDirectory(prefix="fail2ban-ai-") as folder:
        return _sorted(name, LogReader(_tidied(files, Path(folder))))


def real(corpora: Path, name: str) -> Host:
    """A host of the corpora folder.

    Raises:
        SourceError: no log of it can be read.
    """
    return labelled(corpora, name, frame(corpora, name))


def labelled(corpora: Path, name: str, events: pl.DataFrame) -> Host:
    """The host with these events (see `frame`), and what the corpora folder knows of its actors."""
    host = walked(name, events)
    host.truth = labels(corpora, name)
    if name in HONEYPOTS:
        for actor in set(host.tokens.actor) - host.truth.keys():
            host.truth[actor] = Truth(hostile=True)
    return host


def simulated(world: World, name: str) -> Host:
    """A simulated host."""
    with tempfile.TemporaryDirectory(prefix="fail2ban-ai-") as folder:
        host = read(name, LogReader(world.write(Path(folder))))
    host.real = False
    for one in world.truth:
        actor = actor_of(one.address)
        if actor is None or one.must == "report":
            continue
        kind = one.kind if one.label == "hostile" else "benign"
        told = host.truth.get(actor)
        if told is None or not told.hostile:
            host.truth[actor] = Truth(one.label == "hostile", kind if kind in KINDS else None, campaign=one.campaign)
    return host


def labels(corpora: Path, name: str) -> dict[str, Truth]:
    """What the label files say of a host's actors; `unknown` is left out, hostile wins over benign."""
    truth: dict[str, Truth] = {}
    for path in sorted((corpora / "labels").glob(f"{name}.*.tsv.gz")):
        auth = ".auth_" in path.name
        lines = gzip.decompress(path.read_bytes()).decode().splitlines()
        for row in csv.DictReader(lines, delimiter="\t"):
            actor = actor_of(row["ip"])
            if actor is None or row["label"] not in ("malicious", "benign"):
                continue
            hostile = row["label"] == "malicious"
            strong = auth or not row["evidence"].startswith("probe")
            if actor not in truth or (hostile and not truth[actor].hostile):
                campaign = row.get("campaign") or _UNTOLD if hostile else _UNTOLD
                told = None if campaign == _UNTOLD else campaign
                truth[actor] = Truth(hostile, None if hostile else "benign", strong, told)
    return truth


def _is_log(name: str) -> bool:
    return any(part in name for part in _LOGS) and not any(part in name for part in _NOT_LOGS)


def read(name: str, reader: LogReader) -> Host:
    """A host without its truth.

    Raises:
        SourceError: nothing of it can be read.
    """
    return walked(name, _sorted(name, reader))


def _sorted(name: str, reader: LogReader) -> pl.DataFrame:
    """All events in order of time: some sets hold the same days in several files."""
    frames = list(reader)
    if not frames:
        raise SourceError(f"{name}: no format knows any of its lines")
    return pl.concat(frames).sort("time", maintain_order=True)


def walked(name: str, events: pl.DataFrame) -> Host:
    """A host with these events, in order of time, without its truth."""
    timelines = Timelines()
    tokens = joined([timelines.update(part) for part in events.iter_slices(_CHUNK)])
    days = (tokens.time[-1] - tokens.time[0]) / 86400 if len(tokens) else 0.0
    return Host(name, tokens, {}, days=float(days), events=_counted(events))


def _tidied(files: list[Path], folder: Path) -> list[Path]:
    """Copies without what their collectors put around each line: a space before, quotes about the whole."""
    paths = []
    for path in files:
        lines = gzip.decompress(path.read_bytes()).splitlines()
        copy = folder / path.stem
        copy.write_bytes(b"".join(line.strip().removeprefix(b'"').replace(b'""', b'"') + b"\n" for line in lines))
        paths.append(copy)
    return paths


def _counted(frame: pl.DataFrame) -> pl.DataFrame:
    """What the controls count: they see every event, the model only those that say something new."""
    failed = pl.col("kind").is_in(_FAILURES) | (pl.col("status") >= 400)
    return frame.filter(~pl.col("kind").is_in(("ban", "unban"))).select(
        actor=pl.col("address").map_elements(actor_of, return_dtype=pl.String()),
        time=pl.col("time").dt.timestamp("us") / 1e6,
        failed=failed.fill_null(False),
        web=pl.col("kind") == "request",
        status=pl.col("status").fill_null(0),
    )

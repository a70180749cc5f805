"""`fail2ban-ai watch`: takes what the reader has read, feeds the pipeline, asks for bans, remembers how far it came.

Whatever happens on the way, the order is the same: decisions to their log, then events and positions in one
transaction. Killed in between, the watcher reads those lines again and decides the same again, which does no harm.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta

import polars as pl

from fail2ban_ai import caps, formats, paths, visitors
from fail2ban_ai.config import Settings
from fail2ban_ai.errors import ConfigError, Fail2banAIError
from fail2ban_ai.fail2ban import jails
from fail2ban_ai.fail2ban.failregex import FailregexFormat
from fail2ban_ai.fail2ban.feed import Fed
from fail2ban_ai.findings import Verdict
from fail2ban_ai.model import runtimes
from fail2ban_ai.pipeline import Pipeline
from fail2ban_ai.protection import Protection
from fail2ban_ai.reports.courier import Courier
from fail2ban_ai.sources import journal, zones
from fail2ban_ai.state import State
from fail2ban_ai.watch import memory, sources, thrift
from fail2ban_ai.watch.asking import Asking, asked_before
from fail2ban_ai.watch.findings import Findings
from fail2ban_ai.watch.journal import JournalTail
from fail2ban_ai.watch.lanes import Batch, Lanes, Mark
from fail2ban_ai.watch.outside import Outside
from fail2ban_ai.watch.pulse import Pulse, say
from fail2ban_ai.watch.reader import Reader
from fail2ban_ai.watch.store import BROKEN, Store
from fail2ban_ai.watch.tail import FileTail

PARSE_SECONDS = 0.25  # of parsing for one batch
PACE = 0.2  # seconds from one batch to the next while there is little to do: a batch costs the same for one line or 200
FED_AT_ONCE = 4096  # events
SETTLED = 5.0  # seconds after which no older event is expected, and campaigns are looked at although nothing came
AHEAD = 120.0  # seconds that events may lie ahead of the clock before it must have been set back
DISCOVER = 300.0  # seconds between two questions which logs fail2ban reads
KEEP = 5.0  # seconds between two writings of findings
VISITORS = 60.0  # seconds between two writings of who logs in here
UPKEEP = 25_000  # events between two clean-ups
UNSAVED = 200_000  # events that wait in memory for a disk to be writable again


class Watch:
    """One run of the watcher. Raises SourceError, ConfigError, ModelError or Fail2banError at its start."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pulse = Pulse()
        self._state = State()
        self._caps = caps.watching(settings.addresses_kept)
        self._scorer = runtimes.scorer(settings.model, self._caps)
        self._protection = Protection(settings.login_days)
        self._asking = Asking(self._protection, settings.auto_ban)
        self._findings = Findings(
            self._state,
            weights=self._scorer.weights.sha256,
            sensitivity=settings.sensitivity,
            mode=settings.mode,
            most=settings.findings_kept,
        )
        self._outside = Outside()
        self._courier = Courier(settings, self._undelivered)
        self._pipeline = self._new_pipeline()
        self._reader = Reader()
        self._lanes = Lanes(self._reader)
        self._high = 0.0  # the latest time fed, seconds since the epoch
        self._unsaved: list[pl.DataFrame] = []
        self._marks: dict[str, Mark] = {}  # not written yet
        self._positions: dict[str, int | str] = {}
        self._fed = 0  # events since the last clean-up
        self._kept_at = self._visitors_at = self._discovered_at = self._worked_at = 0.0
        self._discovery: Future[dict[str, str | None]] | None = None

    def run(self, stop: threading.Event) -> None:
        """Watch until `stop` is set."""
        with ExitStack() as stack:
            stack.enter_context(_alone())
            self._store = Store(self._state)
            stack.callback(self._store.close)
            self._stack = stack
            self._pool = stack.enter_context(ThreadPoolExecutor(1, "discovery"))
            names = sources.find(self._settings)
            say(f"watching {len(names)} sources: {', '.join(names)}")
            self._listen(self._outside.recall)
            self._rebuild()
            marks = self._store.marks()
            self._store.forget(marks, names)
            stack.callback(self._reader.stop)
            self._add(names, marks)
            self._reader.start()
            self._discovered_at = time.monotonic()
            while not stop.is_set():
                self._step(stop)
            self._commit()
            self._keep(force=True)
            say("stopped; it goes on here when it is started again")

    def _new_pipeline(self) -> Pipeline:
        return Pipeline(
            self._scorer,
            self._settings.sensitivity,
            self._protection,
            held=self._outside.held,
            standing=jails.bantime_of,
            caps=self._caps,
        )

    def _rebuild(self) -> None:
        """Learn from the history what was known before. Verdicts of then are not asked for again."""
        now, began, rows = time.time(), time.monotonic(), 0
        known = asked_before(now)
        self._high = 0.0
        for frame in self._store.history():
            rows += frame.height
            self._feed(_clamped(frame, self._high, now), known)
        if rows:
            say(f"learnt from {rows} events of the history in {time.monotonic() - began:.0f} s")

    def _add(self, names: dict[str, str | None], marks: dict[str, Mark]) -> None:
        since = datetime.now(UTC) - timedelta(days=self._settings.history_days)
        by_pattern = self._settings.zone_infos()
        tails: list[FileTail | JournalTail] = []
        for name, jail in names.items():
            mark = marks.get(name)
            fmt: formats.Format | None = self._stack.enter_context(FailregexFormat(jail)) if jail else None
            self._lanes.add(name, fmt, zones.of(name, by_pattern), mark)
            kind = JournalTail if journal.is_name(name) else FileTail
            tails.append(kind(name, mark.position if mark else None, since))
        self._reader.add(tails)

    def _step(self, stop: threading.Event) -> None:
        if self._reader.trouble is not None:
            raise self._reader.trouble
        if self._high > time.time() + AHEAD:
            say("the clock was set back: beginning anew from the history")
            self._pipeline = self._new_pipeline()
            self._rebuild()
        self._reader.arrived.clear()
        batch = self._lanes.batch(PARSE_SECONDS)
        if batch.lines or batch.marks:
            self._work(batch)
        else:
            self._idle()
        self._after(batch)
        if batch.current or not batch.lines:
            pause = max(0.0, PACE - (time.monotonic() - self._worked_at))
            if stop.wait(pause) or not batch.lines:
                self._reader.arrived.wait(PACE)
        self._worked_at = time.monotonic()

    def _work(self, batch: Batch) -> None:
        self._pulse.lines += batch.lines
        frame = batch.frame
        if self._pulse.level > 1 and frame.height:
            frame = thrift.thinned(frame)
            self._pulse.uncounted += batch.frame.height - frame.height
        if frame.height:
            frame = _clamped(self._within(frame), self._high, time.time())
            self._outside.see(frame)
            self._feed(frame, None)
            self._unsaved.append(frame)
        self._marks |= batch.marks
        for name, mark in batch.marks.items():
            self._positions[name] = mark.position.cursor or mark.position.offset
        self._commit()
        self._pulse.lag = time.monotonic() - batch.waiting

    def _within(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Without what is older than the history may be: an old log is no news."""
        oldest = datetime.now(UTC) - timedelta(days=self._settings.history_days)
        return frame.filter(pl.col("time") >= oldest)

    def _feed(self, frame: pl.DataFrame, known: dict[str, float] | None) -> None:
        for part in frame.iter_slices(FED_AT_ONCE):
            self._findings.note(part)
            _, tokens = self._pipeline.walk(part)
            if self._pulse.level and known is None:
                chosen = thrift.chosen(tokens, thrift.MOST[self._pulse.level], self._pipeline.crossed)
                self._pulse.unscored += len(tokens) - len(chosen)
                tokens = chosen
            for scored in self._pipeline.score([(part, tokens)]):
                self._told(self._pipeline.take(scored), known)
            self._fed += part.height
            if self._fed >= UPKEEP:
                self._fed = 0
                self._pipeline.forget(self._caps.actors)
        if frame.height:
            self._high = frame["time"].dt.timestamp("us")[-1] / 1e6

    def _told(self, verdicts: list[Verdict], known: dict[str, float] | None) -> None:
        self._asking.take(verdicts, time.time(), known)
        self._findings.take(self._pipeline, verdicts if known is None else [])
        self._pulse.findings += len(verdicts) if known is None else 0
        for verdict in verdicts if known is None else ():
            if verdict.at > time.time() - jails.bantime_of(verdict.target):
                say(f"{verdict.action} {verdict.target} [{verdict.campaign}]: {verdict.reason}")

    def _idle(self) -> None:
        self._pulse.lag = 0.0
        now = time.time() - SETTLED
        if self._pulse.live and now > self._high:
            self._told(self._pipeline.tick(now), None)
            self._high = now

    def _after(self, batch: Batch) -> None:
        """All that is due from time to time."""
        if batch.current and not self._pulse.live:
            self._pulse.live, self._pulse.lag = True, 0.0  # what came before was no lag
            say(f"caught up after {self._pulse.lines} lines")
        level = thrift.level(self._pulse.level, self._pulse.lag) if self._pulse.live else 0
        if level != self._pulse.level:
            what = ("all is judged", "fewer events are scored", "fewer events are scored and counted")[level]
            say(f"lines are {self._pulse.lag:.1f} s behind: {what}")
            self._pulse.level = level
        self._pulse.runtime = self._scorer.runtime.name
        self._pulse.tell("the model's runtime", self._scorer.runtime.trouble)
        self._listen(self._outside.learn)
        self._commit()
        self._keep()
        self._discover()
        for notice in self._reader.notices:
            self._pulse.tell(notice, notice)
        for name, queue in list(self._reader.queues.items()):
            self._pulse.tell(f"trouble with {name}", queue.tail.problem)
        try:
            self._pulse.asked = self._asking.asked
            self._pulse.beat(self._lanes.stats, self._reader.waiting(), self._positions)
        except OSError as error:
            self._pulse.tell("the heartbeat cannot be written", f"the heartbeat cannot be written: {error.strerror}")

    def _commit(self) -> None:
        """Decisions first, then events and positions; what a full disk refuses is tried again."""
        topic = "the state folder cannot be written"
        try:
            self._asking.flush(time.time())
            self._outside.ask()
            if self._unsaved or self._marks:
                self._store.commit(self._unsaved, self._marks)
        except BROKEN as error:
            self._pulse.tell(topic, f"{topic} ({error}); reading and deciding go on")
            while sum(frame.height for frame in self._unsaved) > UNSAVED:
                self._pulse.lost += self._unsaved.pop(0).height
            return
        self._unsaved, self._marks = [], {}
        self._pulse.tell(topic, None)

    def _keep(self, *, force: bool = False) -> None:
        """Findings, and what bounds the disk."""
        now = time.monotonic()
        if now - self._kept_at < KEEP and not force:
            return
        topic = "findings cannot be kept"
        try:
            self._courier.hand(self._findings.keep())
            oldest = time.time() - self._settings.history_days * 86400
            self._store.bound(oldest, self._settings.history_megabytes << 20)
        except (ConfigError, *BROKEN) as error:
            self._pulse.tell(topic, f"{topic} ({error})")
        else:
            self._pulse.tell(topic, None)
        self._kept_at = now
        if self._pulse.live and (now - self._visitors_at > VISITORS or force):
            self._visitors_at = now
            self._keep_visitors()
        memory.trim()

    def _keep_visitors(self) -> None:
        """Tell who logs in here, for the bans of rules."""
        topic = "who logs in here cannot be written down"
        try:
            visitors.keep(self._pipeline.visitors(time.time()))
        except OSError as error:
            self._pulse.tell(topic, f"{topic}: {error.strerror}")
        else:
            self._pulse.tell(topic, None)

    def _listen(self, ask: Callable[[], list[Fed]]) -> None:
        """Take in what fail2ban's drop-in action told."""
        topic = "what fail2ban's action tells cannot be read"
        try:
            self._findings.fed(ask())
        except (Fail2banAIError, OSError) as error:
            self._pulse.tell(topic, f"{topic}: {error}")
        else:
            self._pulse.tell(topic, None)

    def _undelivered(self, what: str | None) -> None:
        topic = "findings were not delivered"
        self._pulse.tell(topic, what and f"{topic}: {what}")

    def _discover(self) -> None:
        """Ask now and then which logs there are; new ones are watched from then on."""
        now = time.monotonic()
        if self._discovery is None and now - self._discovered_at > DISCOVER:
            self._discovery = self._pool.submit(sources.find, self._settings)
        if self._discovery is None or not self._discovery.done():
            return
        done, self._discovery, self._discovered_at = self._discovery, None, now
        topic = "fail2ban cannot be asked for its logs"
        try:
            found = done.result()
        except Fail2banAIError as error:
            self._pulse.tell(topic, f"{topic}: {error}")
            return
        self._pulse.tell(topic, None)
        new = {name: jail for name, jail in found.items() if name not in self._reader.queues}
        if new:
            say(f"watching {len(new)} more: {', '.join(new)}")
            self._add(new, self._store.marks())


def _clamped(frame: pl.DataFrame, high: float, now: float) -> pl.DataFrame:
    """Events of a frame in order of time, none before what was fed, none after now."""
    low, most = (datetime.fromtimestamp(at, UTC) for at in (high, max(high, now)))
    return frame.with_columns(pl.col("time").clip(low, most))


@contextmanager
def _alone() -> Iterator[None]:
    """Hold the lock that keeps two watchers from one state folder."""
    lock = paths.heartbeat().with_name("watch.lock")
    with paths.held(lock, f"another `fail2ban-ai watch` runs on {lock.parent}."):
        yield

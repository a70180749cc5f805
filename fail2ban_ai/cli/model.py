"""`fail2ban-ai model`: show, serve, train, evaluate and export the model. Torch and Ray are imported late."""

import importlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.table import Table

from fail2ban_ai import config, paths
from fail2ban_ai.cli.analyze import configured
from fail2ban_ai.config_model import is_loopback
from fail2ban_ai.errors import ModelError
from fail2ban_ai.model import weights, wire
from fail2ban_ai.sources import LogReader

_CORPORA = "FAIL2BAN_AI_CORPORA"


@click.group(name="model")
def command() -> None:
    """Show, serve, train, evaluate or export the model."""


@command.command()
@click.option(
    "--weights", "folder", type=click.Path(path_type=Path), help="A weights folder; the shipped one if absent."
)
@click.option("--json", "as_json", is_flag=True, help="The whole model card.")
def info(folder: Path | None, as_json: bool) -> None:
    """What the model is, what it was trained on, and how well it does on hosts it never saw.

    \b
    Example:
        fail2ban-ai model info
    """
    held = weights.load(folder)
    held.check()
    if as_json:
        click.echo(json.dumps(held.card | {"weights_sha256": held.sha256}, indent=1, sort_keys=True))
        return
    card = held.card
    click.echo(f"Trained {card['trained']} with seed {card['seed']}; checksums of the files are right.")
    if held.brought:
        encoder = card["encoder"]
        click.echo(
            f"Built on an encoder of your own: {encoder['kind']}, {encoder['parameters']:,} weights, by torch alone."
        )
    data = card["data"]
    click.echo(
        f"{data['hostile_actors']} hostile and {data['benign_actors']} benign actors of {len(data['real_hosts'])} real"
        f" and {data['simulated_hosts']} simulated hosts, {data['labelled_texts']} labelled requests."
    )
    _show(Console(), "Hosts the model never saw, at the normal threshold", card.get("validation", {}))


@command.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8765, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the token that watchers hold; /etc/fail2ban-ai/model.token if absent.",
)
@click.option("--runtime", type=click.Choice(("onnx", "torch")), default="onnx", show_default=True)
@click.option(
    "--replicas", default=1, show_default=True, type=click.IntRange(1, 1000), help="Models; one for each GPU."
)
@click.option(
    "--weights", "folder", type=click.Path(path_type=Path), help="A weights folder; the shipped one if absent."
)
def serve(  # noqa: PLR0917 - click hands options over by name
    host: str, port: int, token_file: Path | None, runtime: str, replicas: int, folder: Path | None
) -> None:
    """Encode texts for many watchers, on Ray Serve; needs the extra `serve`, and `gpu` for --runtime torch.

    TLS is a reverse proxy's: docs/serve.md has the snippet. RAY_ADDRESS names a Ray cluster to use.

    \b
    Example:
        fail2ban-ai model serve --runtime torch --replicas 2
    """
    token = wire.token(token_file or paths.model_token())
    try:
        serving = importlib.import_module("fail2ban_ai.model.serving")
    except ImportError as error:
        raise ModelError(f"Serving needs the extra serve: pip install 'fail2ban-ai[serve]' ({error}).") from error
    if not is_loopback(host):
        click.echo(f"Warning: whoever can listen on the way to {host} reads the token; let nginx add TLS.", err=True)
    stop = threading.Event()
    with serving.up(serving.Serving(host, port, token, folder, runtime, replicas)) as sha256:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        click.echo(f"Serving the weights {sha256[:12]} on http://{host}:{port}; Ctrl-C ends it.", err=True)
        stop.wait()


@command.command()
@click.option("--setting", default="small", show_default=True, help="Size of the model.")
@click.option(
    "--corpora", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of labelled logs."
)
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--encoder",
    type=click.Path(path_type=Path),
    help="Folder of a larger encoder to build on, for a GPU: config.json, tokenizer.json, model.safetensors.",
)
@click.option("--from-state", is_flag=True, help="Tune the present model to this host's logs and verdicts instead.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the weights.")
def train(  # noqa: PLR0917 - click hands options over by name
    setting: str, corpora: Path | None, seed: int, encoder: Path | None, from_state: bool, out: Path
) -> None:
    """Train on simulated hosts and, where given, the corpora's training hosts; needs the extra `gpu`.

    \b
    Example:
        fail2ban-ai model train --out weights
        fail2ban-ai model train --encoder ModernBERT-base --out /etc/fail2ban-ai/weights
        fail2ban-ai model train --from-state --out /etc/fail2ban-ai/weights
    """
    if from_state and encoder is not None:
        raise click.UsageError("--from-state tunes the present model; with --encoder a new one is trained.")
    modules = _training()
    if from_state:
        _tune(modules, out)
        return
    base = modules["brought"].read(encoder) if encoder is not None else None
    chosen = modules["settings"].setting(setting)
    folder = _folder(corpora, needed=False)
    with _memory(modules), _Bars() as tell:
        found = modules["gather"].hosts(folder, chosen, seed, tell)
        labelled = modules["payloads"].load(folder, seed) if folder else {}
        card = modules["train"].train(found, labelled, chosen, seed, out=out, tell=tell, base=base)
    if base is None:
        tested = f"torch and ONNX differ by {card['export_difference']} at most"
    else:
        tested = f"`model: {{runtime: torch, weights: {out.resolve()}}}` in config.yaml uses them"
    click.echo(f"Weights and model card are in {out}; {tested}.")


@command.command()
@click.option(
    "--weights", "folder", type=click.Path(path_type=Path), help="A weights folder; the shipped one if absent."
)
@click.option(
    "--corpora", type=click.Path(path_type=Path, exists=True, file_okay=False), help="Folder of labelled logs."
)
@click.option("--controls/--no-controls", default=True, show_default=True, help="Train and score simpler means too.")
@click.option("--save", is_flag=True, help="Write the figures into the model card.")
@click.option("--json", "as_json", is_flag=True)
def evaluate(folder: Path | None, corpora: Path | None, controls: bool, save: bool, as_json: bool) -> None:
    """Score the validation hosts, which no training saw, beside simpler means.

    \b
    Example:
        fail2ban-ai model evaluate --corpora corpora
    """
    modules = _training()
    logs = _folder(corpora, needed=True)
    held = weights.load(folder)
    source = modules["corpora"]
    with _Bars() as tell:
        unseen = [source.real(logs, name) for name in source.VALIDATION]
        found = modules["evaluate"].evaluate(unseen, held, lambda i, n: tell("validation hosts", i, n))
        simpler = {}
        if controls:
            names = [name for name in source.names(logs) if name not in source.VALIDATION]
            training = []
            for i, name in enumerate(names):
                training.append(source.real(logs, name))
                tell("training hosts, for the controls", i + 1, len(names))
            simpler = modules["controls"].evaluate(training, unseen, held.card["seed"])
    if save:
        card = held.card | {"validation": found, "controls": simpler}
        (held.folder / weights.CARD).write_text(json.dumps(card, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if as_json:
        click.echo(json.dumps({"model": found, "controls": simpler}, indent=1, sort_keys=True))
        return
    console = Console()
    _show(console, "The model", found)
    for name, figures in simpler.items():
        _show(console, name, figures)


@command.command()
@click.option(
    "--weights", "folder", type=click.Path(path_type=Path), help="A weights folder; the shipped one if absent."
)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder for the files.")
def export(folder: Path | None, out: Path) -> None:
    """Make the int8 ONNX files from the safetensors again; fails when their scores differ from torch's.

    \b
    Example:
        fail2ban-ai model export
    """
    modules = _training()
    weights.load(folder).need_onnx()
    made, card = modules["train"].read(folder or weights.SHIPPED)
    modules["train"].write(out, made, card)
    click.echo(f"Torch and ONNX differ by {card['export_difference']} at most; the files are in {out}.")


def _training() -> dict[str, Any]:
    """The training modules, which need torch.

    Raises:
        ModelError: an extra is not installed.
    """
    try:
        from fail2ban_ai.training import (  # noqa: PLC0415
            brought,
            controls,
            corpora,
            device,
            evaluate,
            gather,
            payloads,
            settings,
            train,
            tune,
            verdicts,
        )
    except ImportError as error:
        raise ModelError(
            f"Training needs the extras gpu and dev: pip install 'fail2ban-ai[gpu,dev]' ({error})."
        ) from error
    return {
        "brought": brought,
        "controls": controls,
        "corpora": corpora,
        "device": device,
        "evaluate": evaluate,
        "gather": gather,
        "payloads": payloads,
        "settings": settings,
        "train": train,
        "tune": tune,
        "verdicts": verdicts,
    }


@contextmanager
def _memory(modules: dict[str, Any]) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not modules["device"].memory_full(error):
            raise
        raise ModelError("The GPU's memory is too small to train this encoder; a smaller one may fit.") from error


def _tune(modules: dict[str, Any], out: Path) -> None:
    settings = config.load()
    said = modules["verdicts"].gather(time.time())
    with ExitStack() as stack:
        sources, fmt = configured(stack, settings)
        host = modules["corpora"].read("here", LogReader(sources, fmt=fmt, zones=settings.zone_infos()))
        host.truth = said.truth(set(host.tokens.actor))
        tell = stack.enter_context(_Bars())
        done = modules["tune"].tune(settings.model.weights or weights.SHIPPED, host, out, tell)
    click.echo(
        f"Of {done.hostile} hostile and {done.benign} honest addresses with a verdict the model is wrong about"
        f" {done.wrong_after} instead of {done.wrong_before}, and no worse on the shipped validation set."
    )
    click.echo(f"The weights are in {out}: `model: {{weights: {out.resolve()}}}` in config.yaml uses them.")


def _folder(corpora: Path | None, *, needed: bool) -> Path | None:
    named = os.environ.get(_CORPORA)
    folder = corpora or (Path(named) if named else None)
    if folder is None and needed:
        raise click.UsageError(f"Which logs? Name their folder with --corpora or in {_CORPORA}.")
    return folder


def _show(console: Console, title: str, by_host: dict[str, dict[str, Any]]) -> None:
    if not by_host:
        return
    rows = sorted({name for figures in by_host.values() for name in figures})
    table = Table(title=title)
    table.add_column("")
    for host in by_host:
        table.add_column(host, justify="right")
    for row in rows:
        table.add_row(row.replace("_", " "), *("-" if f.get(row) is None else str(f[row]) for f in by_host.values()))
    console.print(table)


class _Bars:
    """One progress bar for each stage, as a function that training calls."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=Console(stderr=True)
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total)
        self._progress.update(self._tasks[stage], completed=done)

"""Recall on attacks that training never met: a class of attacks is left out of all that is learned from, and then met.

    python -m benchmarks.novel prepare CORPORA OUT        needs the logs; some minutes
    python -m benchmarks.novel run OUT CASE               one training; needs only OUT, neither Polars nor the logs
    python -m benchmarks.novel judge OUT CASE VARIANT     the whole pipeline, with the weights that `run` wrote

From the root of the repository. CASE: one of benchmarks.novel.cases.CASES; nothing is left out of `known`. `run` and
`judge` print a line of JSON for each kind of attack that they judge: that of the case, or all of them after `known`.
Runs of several cases may stand side by side. What `run` needs is torch, tokenizers, safetensors, onnx, onnxscript and
onnxruntime; the folder OUT is all that must travel, and its folder `weights` all that must come back.
"""

import argparse
from pathlib import Path

from benchmarks.novel.cases import CASES
from fail2ban_ai.training.settings import SETTINGS


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.novel", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    preparing = commands.add_parser("prepare")
    preparing.add_argument("corpora", type=Path)
    preparing.add_argument("out", type=Path)
    preparing.add_argument("--seed", type=int, default=2, help="of the training hosts and labelled texts")
    running, judging = commands.add_parser("run"), commands.add_parser("judge")
    for each in (running, judging):
        each.add_argument("out", type=Path)
        each.add_argument("case", choices=CASES)
    for each in (preparing, running):
        each.add_argument("--setting", choices=SETTINGS, default="small")
    running.add_argument("--encoder", type=Path, help="folder of an encoder to build on")
    running.add_argument("--seed", type=int, default=1)
    judging.add_argument("variant", help="as `run` told it")
    given = parser.parse_args()
    # What a command does not need may not be installed: see `run`.
    if given.command == "prepare":
        from benchmarks.novel.prepare import prepare  # noqa: PLC0415

        prepare(given.corpora, given.out, SETTINGS[given.setting], given.seed)
    elif given.command == "run":
        from benchmarks.novel.run import run  # noqa: PLC0415

        chosen, variant = SETTINGS[given.setting], f"{given.setting}-{given.seed}"
        if given.encoder is not None:
            variant += f"-{given.encoder.resolve().name}"
        run(given.out, given.case, variant, chosen, seed=given.seed, encoder=given.encoder)
    else:
        from benchmarks.novel.judge import judge  # noqa: PLC0415

        judge(given.out, given.case, given.variant)


if __name__ == "__main__":
    main()

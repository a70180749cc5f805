"""The command `fail2ban-ai`: one module per command; each is imported only when it is called.

`enforce`, and `spares` which fail2ban calls, run as root and must not import click, Polars or a model, so they are
dispatched before anything else.
"""

import gc
import importlib
import os
import sys

COMMANDS = {
    "analyze": "Find campaigns in logs; nothing is banned unless asked for.",
    "watch": "Watch logs as they grow and ask for bans.",
    "campaigns": "List the campaigns found so far.",
    "explain": "Say why an address or a campaign was found, with its log lines.",
    "ban": "Ask for a ban; the gate and the enforcer decide.",
    "unban": "Lift a ban.",
    "suggest-rules": "Make fail2ban filters of recurring findings, and prove each.",
    "allow": "Keep addresses and networks from ever being banned.",
    "status": "What runs, what was found, what was decided.",
    "doctor": "Check fail2ban, its configuration and ours.",
    "enforce": "Carry decisions out through fail2ban-client (root).",
    "setup": "Set this host up, switch between observing and enforcing, or take it all away (root).",
    "review": "Judge suggested rules; install, take back and retire them (root).",
    "model": "Show, train, evaluate or export the model.",
    "demo": "The whole way from log to ban on bundled logs.",
}


def main() -> None:
    """Entry point."""
    if sys.argv[1:2] in (["enforce"], ["spares"]):
        module = importlib.import_module(f"fail2ban_ai.cli.{sys.argv[1]}")
        sys.exit(module.main(sys.argv[2:]))
    # Of the objects that imports make none is garbage, and looking for it takes a tenth of a start; so do threads of
    # numpy's library for matrices, which is not used.
    gc.set_threshold(50_000)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    group = importlib.import_module("fail2ban_ai.cli.group")
    group.cli(prog_name="fail2ban-ai")

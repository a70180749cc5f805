"""`fail2ban-ai review` without arguments: the pending rules one at a time, a key for each answer."""

import os
import shlex
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from fail2ban_ai.errors import Fail2banAIError, RuleError
from fail2ban_ai.reports.digest import shown
from fail2ban_ai.rules import decide, listing, matching, negatives, show, states, store, suggestion
from fail2ban_ai.rules.decide import Prover, Taken
from fail2ban_ai.rules.site import Site
from fail2ban_ai.rules.suggestion import Step

_KEYS = {
    "a": "approve",
    "s": "approve as shadow",
    "e": "edit",
    "r": "reject",
    "v": "evidence",
    "n": "next",
    "q": "quit",
}
_NEEDS_PROOF = "as"


class Session:
    """One walk through the pending rules.

    Args:
        site: where rules are installed.
        prover: proves a folder.
        console: where to print.
        key: waits for one key and returns it.
        ask: prints a question and returns the line typed.
    """

    def __init__(
        self, site: Site, prover: Prover, console: Console, key: Callable[[], str], ask: Callable[[str], str]
    ) -> None:
        self._site = site
        self._prover = prover
        self._console = console
        self._key = key
        self._ask = ask
        self.done = 0  # decisions

    def walk(self, names: Sequence[str]) -> None:
        """Show each rule and carry out the answer."""
        for number, name in enumerate(names, 1):
            self._console.rule(f"{number} of {len(names)}", style="dim")
            try:
                if not self._one(name):
                    break
            except Fail2banAIError as error:
                self._bad(error)

    def _one(self, name: str) -> bool:
        """Whether to go on with the next one."""
        taken = decide.look(name)
        reviewed, edited = taken.digest, None
        steps = self._shown(taken, None)
        while True:
            key = self._answer(all(step.ok for step in steps))
            if key == "q":
                return False
            if key == "n":
                return True
            if key == "v":
                show.evidence(self._console, taken)
            elif key == "e":
                changed = self._edit(taken)
                if changed is not None:
                    taken, edited = changed, changed.written
                    steps = self._shown(taken, self._proved(taken))
            else:
                try:
                    self._carry_out(key, name, reviewed, edited)
                except RuleError as error:
                    self._bad(error)
                    if edited is None:  # what lies there now may be another form
                        taken = decide.look(name)
                        reviewed = taken.digest
                        steps = self._shown(taken, None)
                    continue
                self.done += 1
                return True

    def _shown(self, taken: Taken, proved: tuple[Step, ...] | None) -> tuple[Step, ...]:
        lines = suggestion.read_lines(taken.folder)
        backend = taken.rule.jail.backend
        found = matching.matches(taken.folder, [line.text for line in lines], config=self._site.config, backend=backend)
        show.rule(self._console, taken, listing.state_of(taken.name), list(zip(lines, found, strict=True)))
        if proved is None:
            harmless = negatives.step(taken.folder, config=self._site.config, backend=backend)
            title = "Proof (as suggested; root's copy is proved again before it is installed)"
            proved = (*taken.rule.proof, harmless) if taken.rule.proof else ()
        else:
            title = "Proof (of the filter as edited)"
        show.proof(self._console, proved, title)
        show.would_ban(self._console, taken)
        return proved or (Step("proof", False, "there is none", {}),)

    def _answer(self, proved: bool) -> str:
        keys = [key for key in _KEYS if proved or key not in _NEEDS_PROOF]
        if not proved:
            self._console.print(Text("A step does not hold, so the rule is not offered for installation.", "yellow"))
        line = Text("\n")
        for key in keys:
            line.append(f"[{key}] ", "bold").append(f"{_KEYS[key]}  ")
        self._console.print(line)
        while True:
            key = self._key()
            if key in ("\x03", "\x04", ""):
                return "q"
            if key in keys:
                return key

    def _carry_out(self, key: str, name: str, digest: str, edited: str | None) -> None:
        if key == "r":
            why = self._ask("Why not? Its lines become samples that no later rule may hit: ").strip()
            if not why:
                raise RuleError("a rejection needs a reason")
            hostile = self._ask("Would a better rule be right to ban on these lines? [y/N] ").strip().lower() == "y"
            with store.locked():
                self._say(decide.reject(name, why, digest=digest, hostile=hostile))
            return
        why = self._ask("Why (may be empty): ").strip()
        with store.locked(), self._console.status("proving and installing …"):
            entry = decide.approve(self._site, name, digest, self._prover, shadow=key == "s", why=why, text=edited)
        self._say(entry)

    def _proved(self, taken: Taken) -> tuple[Step, ...]:
        with self._console.status("proving …"):
            return decide.prove(self._site, taken, self._prover)

    def _edit(self, taken: Taken) -> Taken | None:
        """The rule with the filter that the admin's editor left; None when nothing was changed."""
        editor = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
        with tempfile.TemporaryDirectory(prefix="fail2ban-ai-") as folder:  # only ours to enter
            path = Path(folder) / f"{taken.name}.conf"
            path.write_text(taken.written, encoding="utf-8")
            try:
                status = subprocess.run([*editor, str(path)], check=False).returncode
            except OSError as error:
                raise RuleError(f"the editor {editor[0]} cannot be run: {error.strerror}; set EDITOR") from error
            text = path.read_text(encoding="utf-8", errors="replace")
        if status != 0 or text == taken.written:
            self._console.print(Text("The filter is as it was.", "dim"))
            return None
        try:
            return decide.with_filter(taken, text)
        except RuleError as error:
            self._bad(error)
            return None

    def _say(self, entry: states.Entry) -> None:
        self._console.print(Text(f"{entry.name} is {entry.state}.", "bold green"))

    def _bad(self, error: Fail2banAIError) -> None:
        self._console.print(Text(shown(str(error)), "bold red"))

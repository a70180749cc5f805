"""The gate: whether a decision may become a ban. Pure and fail-closed; standard library only.

    gate = Gate(GateSettings(bantime=86400), facts)          # facts_host.gather on a host, facts.Facts by hand
    refusal = gate.check(decision, now)                      # None: ban decision.target, which is in normal form
    if refusal is None: gate.note_ban(decision, now)         # counts it in the budgets
    else: outcome "refused", str(refusal); if refusal.temporary the enforcer asks again later

The rules are the functions of gate_rules.RULES, in order; the first that refuses ends it. No text passes unless it is
an address or network in normal form, and a rule that fails refuses: nothing is banned because of an error. docs/gate.md
says why each rule is there and how to change it.
"""

from dataclasses import dataclass, fields
from typing import Any

from fail2ban_ai.decisions import Decision, target_of
from fail2ban_ai.errors import ConfigError
from fail2ban_ai.facts import Banned, Facts
from fail2ban_ai.gate.lists import OPT_IN
from fail2ban_ai.gate.rules import RULES, Case, GateSettings, Refusal, counts_as_network, target_rules

__all__ = ["Gate", "GateSettings", "Refusal", "settings_from"]


@dataclass(frozen=True, slots=True)
class Gate:
    """The rules with their settings, on a host that the facts describe."""

    settings: GateSettings
    facts: Facts

    def check(self, decision: Decision, now: float) -> Refusal | None:
        """Why the decision must not be carried out at `now` (seconds since the epoch), or None. Never raises."""
        try:
            shaped = target_rules(decision)
            if isinstance(shaped, Refusal):
                return shaped
            case = Case(decision, shaped, now, self.settings, self.facts)
        except Exception as error:
            return _broken("target", error)
        for rule in RULES:
            try:
                refusal = rule(case)
            except Exception as error:  # a mistake in a rule, or in what it was told, must not become a ban
                return _broken(rule.__name__, error)
            if refusal is not None:
                return refusal
        return None

    def note_ban(self, decision: Decision, now: float) -> None:
        """Count a ban that was let through, so that the budgets hold within one run of the enforcer too."""
        target = target_of(decision.target)
        self.facts.bans.append(Banned(now, target is not None and counts_as_network(target)))


def _broken(rule: str, error: Exception) -> Refusal:
    return Refusal(
        "rule-failed", f"The rule {rule} ended with {type(error).__name__}, so nothing is banned.", temporary=True
    )


def settings_from(values: dict[str, Any], file: str) -> GateSettings:
    """The settings in the "gate" object of the root-owned `file`; ConfigError names file, key and what was expected."""
    known = {field.name: field for field in fields(GateSettings)}
    checked: dict[str, Any] = {}
    for key, value in values.items():
        if key not in known:
            raise ConfigError(f"{file}: gate.{key} is no setting; expected one of {', '.join(known)}")
        if key == "ban_special":
            if not isinstance(value, list) or not all(isinstance(one, str) and one in OPT_IN for one in value):
                raise ConfigError(f"{file}: gate.{key}: expected a list of {', '.join(OPT_IN)}")
            checked[key] = frozenset(value)
            continue
        whole = isinstance(known[key].default, int)
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        if not right or not (-1 if key == "bantime" else 0) <= value <= 1e10:
            raise ConfigError(f"{file}: gate.{key}: expected a {'whole ' if whole else ''}number of at least 0")
        checked[key] = value
    return GateSettings(**checked)

"""The simulator: seeded worlds of log lines that look real, with the truth about every address.

Start with training_world, demo_world or twin and attack; docs/simulator.md says what is in them.
"""

from .cast import simulate
from .demo import demo_world
from .scenarios import training_scenario, training_world
from .twins import attack, twin
from .world import Actor, Part, Scenario, World

__all__ = [
    "Actor",
    "Part",
    "Scenario",
    "World",
    "attack",
    "demo_world",
    "simulate",
    "training_scenario",
    "training_world",
    "twin",
]

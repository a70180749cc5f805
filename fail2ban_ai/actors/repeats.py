"""How often an actor did the very same thing before."""

import numpy as np

from fail2ban_ai.actors.groups import Groups, Ints, dense
from fail2ban_ai.actors.people import Actors, People
from fail2ban_ai.actors.texts import Coded

_MIX = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)  # odd numbers: each step is undone by another


def repeats(people: People, actors: Actors, text: Coded[str], second: Coded[str], what: Ints) -> Ints:
    """How often each row's event was seen from its actor so far, itself included.

    An event is a request or message (`text`), an agent or account (`second`) and `what` became of it, a small number
    that means the same in every chunk.
    """
    texts, seconds = text.codes + 1, second.codes + 1  # a row without one has the code -1
    code = (actors.groups.of_row * (len(text.values) + 1) + texts) * (len(second.values) + 1) + seconds
    groups = Groups(dense(code * (int(what.max()) + 1) + what))
    first = groups.firsts
    keys = _keys(_hashes(text)[texts[first]], _hashes(second)[seconds[first]], what[first])
    memories = [actors.memories[at] for at in actors.groups.of_row[first].tolist()]
    seen = np.array([memory.get(key, 0) for key, memory in zip(keys, memories, strict=True)], np.int64)
    new = np.zeros(len(what), np.bool_)
    new[first] = seen == 0
    kept = people.room(actors, "keys", new)[first] | (seen > 0)
    rank = groups.rank() + 1
    times: Ints = np.where(kept[groups.of_row], seen[groups.of_row] + rank, 1)
    total = (seen + groups.total(np.ones(len(what)))).tolist()
    for key, memory, count, keep in zip(keys, memories, total, kept.tolist(), strict=True):
        if keep:
            memory[key] = count
    return times


def _hashes(column: Coded[str]) -> Ints:
    return np.array([0, *map(hash, column.values)], np.int64)


def _keys(text: Ints, second: Ints, what: Ints) -> list[int]:
    mixed = np.zeros(len(text), np.uint64)
    for part, factor in zip((text, second, what), _MIX, strict=True):
        mixed = (mixed ^ part.view(np.uint64)) * np.uint64(factor)
        mixed ^= mixed >> np.uint64(29)
    keys: list[int] = (mixed >> np.uint64(1)).tolist()  # not negative
    return keys

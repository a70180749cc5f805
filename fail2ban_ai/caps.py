"""How much of a log a run holds in mind: what was seen last stays, what comes back after that is new."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Caps:
    """Numbers of things held at most; the defaults suit a run over files that ends."""

    actors: int = 200_000
    items: int = 400_000  # paths, agents and accounts, each
    doings: int = 20_000_000  # distinct things done, of all actors together: some 90 bytes each
    texts: int = 16_384  # lines, agents and referers made ready for the encoder; twice as many of each
    encoded: int = 32_768  # texts with what the encoder says of them, about 600 bytes each; twice as many
    vectors: int = 20_000_000  # events as the actor model sees them, about 200 bytes each
    suspects: int = 30_000  # to be linked, about 6 KB each; what they failed at, and where, is bounded along with them


def watching(addresses: int) -> Caps:
    """For a run without end that may have so many addresses in mind."""
    return Caps(
        actors=addresses,
        items=2 * addresses,
        doings=12 * addresses,
        texts=4096,
        encoded=8192,
        vectors=6 * addresses,
        suspects=addresses // 3,
    )

"""Give memory back to the system: a watcher runs for months beside the services it protects."""

import ctypes
import os

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of mallopt(3)
_LARGE = 256 << 10  # bytes: what is larger is given back when freed, instead of tearing holes into the heap


def settle() -> None:
    """Have the allocators keep little in reserve; before Polars, whose jemalloc reads this once, is imported."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0,narenas:2")
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    _call("mallopt", _ARENA_MAX, 2)
    _call("mallopt", _MMAP_THRESHOLD, _LARGE)


def trim() -> None:
    """Hand back what is free: malloc_trim(3)."""
    _call("malloc_trim", 0)


def _call(name: str, *values: int) -> None:
    function = getattr(ctypes.CDLL(None), name, None)  # glibc has them, other C libraries may not
    if function is not None:
        function(*values)

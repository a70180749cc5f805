"""Give memory back to the system: a watcher runs for months beside the services it protects."""

import ctypes
import os
import re
from pathlib import Path

_ARENA_MAX, _MMAP_THRESHOLD = -8, -3  # M_ARENA_MAX and M_MMAP_THRESHOLD of mallopt(3)
_LARGE = 256 << 10  # bytes: what is larger is given back when freed, instead of tearing holes into the heap
_DONTNEED = 4  # MADV_DONTNEED of madvise(2)
_LIBC = ctypes.CDLL(None)
_CODE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) r-xp .*\.so(?:\.[0-9.]+)?$", re.MULTILINE)


def settle() -> None:
    """Have the allocators keep little in reserve; before Polars, whose jemalloc reads this once, is imported."""
    os.environ.setdefault("_RJEM_MALLOC_CONF", "dirty_decay_ms:500,muzzy_decay_ms:0,narenas:2")
    os.environ.setdefault("POLARS_MAX_THREADS", "2")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # its threads would have caches of their own
    _call("mallopt", _ARENA_MAX, 2)
    _call("mallopt", _MMAP_THRESHOLD, _LARGE)


def trim() -> None:
    """Hand back what is free (malloc_trim(3)), and libraries' code: what is called comes back from the page cache.

    Half of the code that a start maps is never called again, and the code of a loaded library is never written.
    """
    _call("malloc_trim", 0)
    try:
        maps = Path("/proc/self/maps").read_text(errors="surrogateescape")
    except OSError:
        return
    for found in _CODE.finditer(maps):
        low, high = (int(each, 16) for each in found.groups())
        _call("madvise", ctypes.c_void_p(low), ctypes.c_size_t(high - low), _DONTNEED)


def _call(name: str, *values: object) -> None:
    function = getattr(_LIBC, name, None)  # glibc has them, other C libraries may not
    if function is not None:
        function(*values)

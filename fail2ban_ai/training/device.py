"""Where training computes: the first CUDA device where there is one. Files are made on the CPU, whoever trained."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")

_FULL = ("CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED")


@contextmanager
def descending() -> Iterator[None]:
    """Matrix products of CUDA in TF32, with fewer digits and several times as fast: for gradients, not for scores."""
    _allow_tf32(DEVICE.type == "cuda")
    try:
        yield
    finally:
        _allow_tf32(False)


def memory_full(error: RuntimeError) -> bool:
    """Whether it says that the GPU's memory is full.

    What CUDA and cuBLAS need beside the tensors they ask for themselves, and their errors are not torch's own: so it is
    where other programs hold the card's memory from the start.
    """
    return isinstance(error, torch.OutOfMemoryError) or any(sign in str(error) for sign in _FULL)


def _allow_tf32(allowed: bool) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch 2.9 announces another spelling, which 2.6 does not know
        torch.backends.cuda.matmul.allow_tf32 = allowed

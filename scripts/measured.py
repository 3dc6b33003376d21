"""What one step takes: seconds, and memory beyond what the process held before."""

from __future__ import annotations

import ctypes
import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class Measured(NamedTuple, Generic[T]):
    """A result and what it took."""

    result: T
    seconds: float
    memory_mb: float | None
    """Growth of the resident set to its peak, 2**20 bytes; None where the system (other than
    Linux) does not tell. Memory that earlier steps freed is given back first."""


def measured(work: Callable[[], T]) -> Measured[T]:
    """Call ``work`` and measure it."""
    gc.collect()
    gc.freeze()  # the next time only what is new since is looked through; see `thawed`
    with suppress(OSError, AttributeError):  # glibc only; others do not tell the peak either
        ctypes.CDLL(None).malloc_trim(0)
    before = _kilobytes("VmRSS") if _reset_peak() else None
    begin = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - begin
    peak = _kilobytes("VmHWM") if before is not None else None
    grown = None if before is None or peak is None else max(peak - before, 0) / 1024
    return Measured(result, seconds, grown)


def _reset_peak() -> bool:
    """Make the peak of the resident set what it is now (see man 5 proc, clear_refs)."""
    try:
        _RESET.write_text("5")
    except OSError:
        return False
    return True


def _kilobytes(name: str) -> int | None:
    lines = _STATUS.read_text("utf-8").splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), None)


@contextmanager
def thawed() -> Iterator[None]:
    """What `measured` within keeps out of the garbage collector's sight is seen again at the end.

    A collection of all that a process with torch has loaded takes a fifth of a second.
    """
    try:
        yield
    finally:
        gc.unfreeze()

"""What becomes of memory that is free again."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Of glibc's ``mallopt`` (malloc.h)."""
_LARGE = 128 * 2**20
"""Bytes from which on an array goes back to the system all the same: kept ones of several sizes do
not fit into each other. A mask of 10980 x 10980 pixels took a tenth more memory without, and as
long."""


def keep_freed_memory() -> None:
    """Let this process keep what it frees for what it allocates next.

    Each window of a scene takes arrays and tensors of the same tens of megabytes. glibc hands such
    back to the system, which fills them with zeros before it gives them out again: a fifth of the
    time of a mask. Threads share what is kept. It is for a process that does one thing to its end;
    without glibc nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:  # another C library
        return
    if not mallopt(_MMAP_THRESHOLD, _LARGE):  # glibc before 2.35 takes no more than 32 MB
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_TRIM_THRESHOLD, 2**31 - 1)

"""The same work on several items at a time, in threads, handed on in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(
    work: Callable[[T], R],
    items: Iterable[T],
    workers: int,
    begin: Callable[[], None] | None = None,
) -> Generator[tuple[T, R], None, None]:
    """(item, what ``work`` made of it), in order; so many are worked on at a time.

    What ``work`` raises, the caller gets in the item's place. When the caller stops, what runs is
    waited for, and nothing else begins.

    Args:
        work: called in threads of its own, but for one worker: then in the caller's.
        items: one more than there are workers is taken from them before the first is yielded.
        workers: how many.
        begin: called first in each of those threads, if not None.
    """
    if workers == 1:
        for item in items:
            yield item, work(item)
        return
    running: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(workers, "kumosan-beside", begin) as pool:
        try:
            for item in items:
                running.append((item, pool.submit(work, item)))
                if len(running) > workers:
                    first, found = running.popleft()
                    yield first, found.result()
            while running:
                first, found = running.popleft()
                yield first, found.result()
        finally:
            for _, found in running:
                found.cancel()

"""Work that overlaps: a step of a pipeline that runs in a thread of its own, a little ahead."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import Full, Queue
from typing import Generic, TypeVar

T = TypeVar("T")


class _End(Generic[T]):
    """The last thing in a queue: why nothing follows."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Generator[T, None, None], depth: int = 2) -> Generator[T, None, None]:
    """The same items, made in another thread while the caller works on those before.

    At most ``depth`` items wait, and one is being made. What the maker raises, the caller gets in
    its place. When the caller stops (by an exception, Ctrl-C, or because it has seen enough), the
    maker is closed, and its own makers with it, before the caller goes on.

    Args:
        items: a generator; it is started, used and closed in the other thread.
        depth: how many finished items may wait.
    """
    queue: Queue[T | _End[T]] = Queue(depth)
    enough = threading.Event()

    def put(item: T | _End[T]) -> None:
        while not enough.is_set():
            try:
                return queue.put(item, timeout=0.05)
            except Full:
                continue

    def make() -> None:
        end: _End[T] = _End()
        try:
            for item in items:
                put(item)
                if enough.is_set():
                    break
        except BaseException as error:  # whatever it is, it belongs to the caller
            end = _End(error)
        finally:
            items.close()
        put(end)

    thread = threading.Thread(target=make, name="kumosan-ahead", daemon=True)
    thread.start()
    try:
        while True:
            got = queue.get()
            if isinstance(got, _End):
                if got.error is not None:
                    raise got.error
                return
            yield got
    finally:
        enough.set()
        thread.join()

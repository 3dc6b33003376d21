"""Work that overlaps: a step of a pipeline that runs in a thread of its own, a little ahead."""

from __future__ import annotations

import threading
from collections.abc import Generator
from queue import Queue
from typing import Generic, TypeVar

T = TypeVar("T")


class _End(Generic[T]):
    """The last thing in a queue: why nothing follows."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def ahead(items: Generator[T, None, None], depth: int = 3) -> Generator[T, None, None]:
    """The same items, made in another thread while the caller works on those before.

    What the maker raises, the caller gets in its place. When the caller stops (by an exception,
    Ctrl-C, or because it has seen enough), the maker is closed, and its own makers with it, before
    the caller goes on.

    Args:
        items: a generator; it is started, used and closed in the other thread.
        depth: how many may be finished or in the making beside the one that the caller has.
    """
    queue: Queue[T | _End[T]] = Queue()
    room, enough = threading.Semaphore(depth), threading.Event()

    def make() -> None:
        end: _End[T] = _End()
        try:
            while room.acquire() and not enough.is_set():
                queue.put(next(items))
        except StopIteration:
            pass
        except BaseException as error:  # whatever it is, it belongs to the caller
            end = _End(error)
        finally:
            items.close()
        queue.put(end)

    thread = threading.Thread(target=make, name="kumosan-ahead", daemon=True)
    thread.start()
    try:
        while True:
            got = queue.get()
            if isinstance(got, _End):
                if got.error is not None:
                    raise got.error
                return
            room.release()
            yield got
    finally:
        enough.set()
        room.release()
        thread.join()

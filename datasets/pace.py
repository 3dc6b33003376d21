"""How long a run of many like pieces still takes."""

from __future__ import annotations

import time


class Pace:
    """Time left, if it goes on as since the beginning."""

    def __init__(self) -> None:
        self.began, self.done = time.perf_counter(), 0
        """When it began, and pieces done since then."""

    def left(self, pieces: int, part: float = 0.0) -> float | None:
        """Seconds for ``pieces`` more, of the first of which ``part`` is done; None at first."""
        work = self.done + part
        if not work:
            return None
        return (time.perf_counter() - self.began) / work * (pieces - part)

"""What the person sees: one line at the start, progress, one summary, errors that teach."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import typer

REPORT = "please report this with the command and --debug output"


@contextmanager
def guarded(debug: bool) -> Iterator[None]:
    """Turn exceptions into one sentence on stderr and the documented exit code."""
    try:
        yield
    except KeyboardInterrupt:
        _stop("kumosan: interrupted; nothing half-written is left behind.", 130)
    except BrokenPipeError:  # the reader of our output (head, less) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit from None
    except MemoryError:
        if debug:
            raise
        _stop(
            "kumosan: out of memory; expected the scene to fit; "
            "choose a coarser --resolution or cut the scene into parts.",
            3,
        )
    except (typer.Exit, typer.Abort):
        raise
    except Exception as error:
        if debug:
            raise
        from ..datasets.errors import KumosanError  # here: --help need not load rasterio

        if isinstance(error, KumosanError):
            _stop(f"kumosan: {error}", error.exit_code)
        _stop(f"kumosan: a bug: {type(error).__name__}: {error}; {REPORT}.", 1)


def _stop(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    raise typer.Exit(code)


class Console:
    """Progress on stderr, results on stdout.

    Args:
        as_json: results are one JSON line instead of text.
        log_format: ``auto`` (live on a terminal, plain lines elsewhere), ``plain`` or ``json``.
        verbose: print what `explain` is told.
    """

    def __init__(self, as_json: bool, log_format: str = "auto", verbose: bool = False) -> None:
        self._json = as_json
        self._verbose = verbose
        if log_format == "auto":
            log_format = "live" if sys.stderr.isatty() else "plain"
        self._format = log_format
        self._began = time.perf_counter()

    @property
    def seconds(self) -> float:
        """Seconds since the command began."""
        return time.perf_counter() - self._began

    def note(self, text: str, **facts: Any) -> None:
        """A line of progress on stderr."""
        if self._format == "json":
            print(json.dumps({"event": text, **facts}), file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def explain(self, text: str) -> None:
        """Why something was decided; shown with -v."""
        if self._verbose:
            self.note(text)

    def warn(self, text: str) -> None:
        self.note(f"warning: {text}")

    @contextmanager
    def phase(self, name: str, pixels: int = 0) -> Iterator[None]:
        """A step of the work; its time and Mpix/s are told when it ends."""
        begin = time.perf_counter()
        if self._format == "live":
            from rich.console import Console as Rich

            with Rich(stderr=True).status(f"{name} ..."):
                yield
        else:
            yield
        took = time.perf_counter() - begin
        speed = pixels / 1e6 / max(took, 1e-9)
        rate = f", {speed:.2f} Mpix/s" if pixels else ""
        self.note(f"{name}: {took:.1f} s{rate}", seconds=round(took, 3))

    def teller(self, name: str, unit: str, every_s: float = 10) -> Callable[[int, int], None]:
        """A function of (done, total) that tells how far the work is, every ten seconds, and how
        long it still takes, going by what was done since its first call (work may be resumed), or
        since the count began anew."""
        told, first, last = time.perf_counter(), (0.0, 0), 0

        def tell(done: int, total: int) -> None:
            nonlocal told, first, last
            now = time.perf_counter()
            if not first[0] or done < last:
                first = now, done
            last = done
            if now - told >= every_s:
                told = now
                text, facts = f"{name}: {done} of {total} {unit}", {"done": done, "total": total}
                if done > first[1]:
                    left = (now - first[0]) / (done - first[1]) * (total - done)
                    text += f", about {_clock(left)} left"
                    facts["seconds_left"] = round(left)
                self.note(text, **facts)

        return tell

    def step(self, what: Any, number: int, of: int, left_s: float | None) -> None:
        """Which step of a long work begins, and how long all that is left will take."""
        left = "" if left_s is None else f"; about {left_s / 60:.0f} min left"
        self.note(f"{number} of {of}: {what}{left}", number=number, of=of, left_s=left_s)

    @contextmanager
    def counting(
        self, name: str, total: int, unit: str, every_s: float = 10
    ) -> Iterator[Callable[[int, str], None]]:
        """Yields a function of (done, remark) that tells progress and time left.

        A bar on a terminal, elsewhere a line every ``every_s`` seconds.
        """
        began = told = time.perf_counter()

        def tell(done: int, remark: str) -> None:
            nonlocal told
            now = time.perf_counter()
            if now - told >= every_s:
                told = now
                left = (now - began) / max(done, 1) * (total - done)
                text = f"{name}: {done} of {total} {unit}, {remark}; about {_clock(left)} left"
                self.note(text, done=done, total=total, seconds_left=round(left))

        if self._format != "live":
            yield tell
            return
        from rich.console import Console as Rich
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Rich(stderr=True), transient=True) as bar:
            task = bar.add_task(name, total=total)
            yield lambda done, remark: bar.update(
                task, completed=done, description=f"{name}, {remark}"
            )

    def led_to(self, name: str, path: Path, remark: str = "") -> None:
        """The outcome of a long work: one file, and the time that it took."""
        text = f"{self.seconds:.0f} s -> {path}{remark}"
        self.result({name: path, "seconds": self.seconds}, text)

    def result(self, facts: Mapping[str, Any], text: str) -> None:
        """The outcome on stdout: JSON with --json, else ``text``."""
        if self._json:
            from ..datasets.plain import plain  # here: --help need not load rasterio

            text = json.dumps(plain(facts), allow_nan=False)
        print(text, flush=True)


def _clock(seconds: float) -> str:
    """``1:05:09`` of 3909 seconds, ``5:09`` of 309."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"

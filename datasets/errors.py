"""Errors that teach: every message says what was got, what was expected, and what to do.

Each class carries the process exit code of the command line: 2 usage, 3 bad input,
4 batch finished with failures, 5 the method does not fit the sensor, 1 a bug of ours.
"""

from __future__ import annotations

from typing import ClassVar


class KumosanError(Exception):
    """Base of all errors that kumosan raises on purpose.

    Args:
        got: what was found, for example ``"scene.tif has 3 bands without wavelengths"``.
        expected: what was needed, for example ``"a centre wavelength for every band"``.
        remedy: what the user can do, as an imperative without a full stop.
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, got: str, expected: str, remedy: str) -> None:
        self.got, self.expected, self.remedy = got, expected, remedy
        super().__init__(f"{got}; expected {expected}; {remedy}.")

    def __reduce__(self) -> tuple[type[KumosanError], tuple[str, str, str]]:
        return type(self), (self.got, self.expected, self.remedy)


class FileError(KumosanError):
    """A file is missing, unreadable, truncated, hostile or of a kind that is not read."""


class BandError(KumosanError):
    """Band names, wavelengths or scaling are missing, ambiguous or contradictory."""


class GridError(KumosanError):
    """Two rasters that must share a grid do not, or a grid is unusable."""


class ValueRangeError(KumosanError):
    """Pixel values are not what their metadata claims, or a parameter is out of range."""


class UsageError(KumosanError):
    """The command was asked for something that cannot be meant."""

    exit_code = 2


class OutputError(UsageError):
    """An output exists already or its folder cannot be written."""


class MissingExtraError(UsageError):
    """An optional part of kumosan is not installed."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(
            f"{feature} needs packages that are not installed",
            f"the extra '{extra}'",
            f"run: pip install 'kumosan[{extra}]'",
        )
        self._args = (feature, extra)

    def __reduce__(self) -> tuple[type[MissingExtraError], tuple[str, str]]:  # type: ignore[override]
        return type(self), self._args


class UnfitError(KumosanError):
    """A detector or filler needs bands (or a supplier's mask) that the scene does not have."""

    exit_code = 5


class UnfinishedError(KumosanError):
    """A batch ended before all of its scenes were tried; what was done is kept."""

    exit_code = 4

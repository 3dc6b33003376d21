"""Spectra as a static drawing: reflectance over wavelength, one line a method."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, isfinite

WIDTH, HEIGHT = 360, 230
"""Units of the drawing; wide enough for a phone, and it scales."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 36, 8, 10, 34
MARKED = 40
"""Bands above which the points are not marked one by one."""

STYLES: tuple[tuple[str, str], ...] = (
    ("#1f1f1f", ""),
    ("#0b57d0", "6 2"),
    ("#b3261e", "2 2"),
    ("#146c2e", "8 2 2 2"),
    ("#8430ce", "4 3"),
    ("#8a5100", "1 2"),
    ("#00696e", "10 3"),
    ("#a0306f", "6 2 1 2 1 2"),
    ("#5f6368", "3 1"),
    ("#3949ab", "1 3"),
)
"""Colour and dashes of each line; all are told apart in grey, and from white by 4.5 or more."""


@dataclass(frozen=True)
class Line:
    """One spectrum."""

    name: str
    nm: Sequence[float]
    """Centre wavelengths, ascending."""
    reflectance: Sequence[float]
    """NaN breaks the line."""
    style: int = 0
    """Which of ``STYLES``, round and round."""


def spectra_svg(lines: Sequence[Line], title: str) -> str:
    """The drawing as an SVG element; ``title`` is what a screen reader says of it.

    The upper end is a round number above all values, the lower end 0 or below all values.
    """
    values = [v for line in lines for v in line.reflectance if isfinite(v)]
    if not values:
        return ""
    centers = [nm for line in lines for nm in line.nm]
    low_nm, high_nm = min(centers), max(centers)
    low_nm, high_nm = (low_nm - 20, high_nm + 20) if high_nm - low_nm < 40 else (low_nm, high_nm)
    step = _round_step((max(values) - min(0.0, *values)) / 4)
    low = min(0.0, step * -ceil(-min(values) / step))
    high = max(step * ceil(max(values) / step), low + step)

    def x(nm: float) -> float:
        return _LEFT + (nm - low_nm) / (high_nm - low_nm) * (WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return HEIGHT - _BOTTOM - (value - low) / (high - low) * (HEIGHT - _TOP - _BOTTOM)

    parts = []
    for k in range(round((high - low) / step) + 1):
        at, value = y(low + k * step), low + k * step
        parts.append(f'<path d="M{_LEFT} {at:.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 4}" y="{at + 3:.1f}" text-anchor="end">{value:g}</text>')
    step_nm = _round_step((high_nm - low_nm) / 4)
    ticks = range(ceil(low_nm / step_nm), int(high_nm // step_nm) + 1)
    parts += [
        f'<text x="{x(k * step_nm):.1f}" y="{HEIGHT - _BOTTOM + 13}" text-anchor="middle">'
        f"{k * step_nm:g}</text>"
        for k in ticks
    ]
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 5}" text-anchor="middle">nm</text>')
    parts += [_drawn(line, x, y) for line in lines]
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title)}" '
        f'font-size="10" fill="#222">{"".join(parts)}</svg>'
    )


def sample(style: int) -> str:
    """A short piece of a line, for the key beside its name."""
    colour, dashes = STYLES[style % len(STYLES)]
    return (
        '<svg width="36" height="10" aria-hidden="true"><path d="M1 5H35" fill="none" '
        f'stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/></svg>'
    )


def _drawn(line: Line, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    colour, dashes = STYLES[line.style % len(STYLES)]
    path, pen = [], "M"
    dots = []
    for nm, value in zip(line.nm, line.reflectance, strict=True):
        if not isfinite(value):
            pen = "M"
            continue
        path.append(f"{pen}{x(nm):.1f} {y(value):.1f}")
        dots.append(f'<circle cx="{x(nm):.1f}" cy="{y(value):.1f}" r="1.8" fill="{colour}"/>')
        pen = "L"
    marks = "".join(dots) if len(line.nm) <= MARKED else ""
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="1.5" '
        f'stroke-dasharray="{dashes}"/>{marks}'
    )


def _round_step(length: float) -> float:
    """The round number (1, 2 or 5 times a power of ten) next above ``length``, at least 0.001."""
    size = 0.001
    while True:
        for factor in (1, 2, 5):
            if size * factor >= length:
                return round(size * factor, 6)
        size *= 10

"""Small charts as SVG: lines over wavelength, bars. No library draws them: the page stays small."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 400, 240
"""So narrow that the letters are of readable size on a phone."""
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 10, 10, 40
_TICKS = 5
_GAP = 4.0
"""A line breaks where bands lie so many median distances apart: absorption, or no band at all."""


class Line(NamedTuple):
    """One line of a chart."""

    name: str
    x: Sequence[float]
    """Ascending."""
    y: Sequence[float]
    """As many; NaN is left out."""
    colour: str
    dashes: str = ""
    """As SVG has them, so that colour does not tell lines apart alone."""


def line_chart(lines: Sequence[Line], across: str, up: str, told: str) -> str:
    """Lines with their points, axes from 0.

    Args:
        lines: what is drawn.
        across: name of the horizontal axis, with its unit.
        up: of the vertical one.
        told: what the chart shows, for those who hear the page.
    """
    points = [(x, y) for s in lines for x, y in zip(s.x, s.y, strict=True) if math.isfinite(y)] or [
        (0.0, 0.0)
    ]
    low, high = min(p[0] for p in points), max(p[0] for p in points)
    pad = 0.03 * (high - low) or 1.0
    xs = _Axis(low - pad, high + pad, _LEFT, _WIDTH - _RIGHT)
    floor, top = min(0.0, *(p[1] for p in points)), max(0.0, *(p[1] for p in points))
    height = top - floor if top - floor > 1e-6 else 1.0
    ys = _Axis(floor, floor + 1.05 * height, _HEIGHT - _BOTTOM, _TOP)
    drawn = "".join(_line(s, xs, ys) for s in lines)
    return _svg(_axes(xs, ys, across, up) + drawn, told)


def bar_chart(heights: Sequence[float], low: float, high: float, across: str, told: str) -> str:
    """Bars of equal width from ``low`` to ``high``; ``heights`` are shares of the whole."""
    xs = _Axis(low, high, _LEFT, _WIDTH - _RIGHT)
    ys = _Axis(0.0, (max(heights, default=0.0) or 1.0) * 1.05, _HEIGHT - _BOTTOM, _TOP)
    step = (high - low) / max(len(heights), 1)
    bars = "".join(
        f'<rect x="{xs.at(low + i * step) + 0.5:.1f}" y="{ys.at(h):.1f}" '
        f'width="{xs.at(low + step) - xs.at(low) - 1:.1f}" '
        f'height="{max(ys.at(0) - ys.at(h), 0):.1f}" fill="#1a56b0"/>'
        for i, h in enumerate(heights)
    )
    return _svg(_axes(xs, ys, across, "share") + bars, told)


class _Axis(NamedTuple):
    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[float]:
        """About five round numbers within the axis."""
        rough = (self.high - self.low) / _TICKS
        unit = 10 ** math.floor(math.log10(rough))
        step = next(k * unit for k in (1, 2, 5, 10) if k * unit >= rough)
        first = math.ceil(self.low / step)
        return [k * step for k in range(first, math.floor(self.high / step) + 1)]


def _axes(xs: _Axis, ys: _Axis, across: str, up: str) -> str:
    base = ys.start
    parts = [f'<path d="M{xs.start} {ys.end}V{base}H{xs.end}" fill="none" stroke="#555"/>']
    parts += [
        f'<text x="{xs.at(x):.1f}" y="{base + 16}" text-anchor="middle">{x:g}</text>'
        for x in xs.ticks
    ]
    for y in ys.ticks:
        parts.append(f'<path d="M{xs.start} {ys.at(y):.1f}H{xs.end}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{xs.start - 5}" y="{ys.at(y) + 4:.1f}" text-anchor="end">{y:g}</text>'
        )
    middle = (xs.start + xs.end) / 2
    parts.append(
        f'<text x="{middle}" y="{_HEIGHT - 6}" text-anchor="middle">{escape(across)}</text>'
        f'<text transform="translate(12 {(_TOP + base) / 2}) rotate(-90)" '
        f'text-anchor="middle">{escape(up)}</text>'
    )
    return "".join(parts)


def _line(line: Line, xs: _Axis, ys: _Axis) -> str:
    gaps = sorted(b - a for a, b in zip(line.x, line.x[1:], strict=False))
    widest = _GAP * gaps[len(gaps) // 2] if len(gaps) > 20 else math.inf
    runs: list[list[str]] = [[]]
    last = math.nan
    for x, y in zip(line.x, line.y, strict=True):
        if runs[-1] and (not math.isfinite(y) or x - last > widest):
            runs.append([])
        if math.isfinite(y):
            runs[-1].append(f"{xs.at(x):.1f},{ys.at(y):.1f}")
            last = x
    style = f'fill="none" stroke="{line.colour}" stroke-width="2" stroke-dasharray="{line.dashes}"'
    drawn = "".join(f'<polyline points="{" ".join(run)}" {style}/>' for run in runs if run)
    if len(line.x) <= 20:
        dots = (p.split(",") for run in runs for p in run)
        drawn += "".join(f'<circle cx="{x}" cy="{y}" r="3" fill="{line.colour}"/>' for x, y in dots)
    return drawn


def _svg(content: str, told: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" width="{_WIDTH}" height="{_HEIGHT}" role="img" '
        f'aria-label="{escape(told)}" font-size="12" fill="#333">{content}</svg>'
    )


def line_key(line: Line) -> str:
    """A short piece of a line as SVG, for the key of the chart."""
    return (
        '<svg viewBox="0 0 30 10" width="30" height="10" aria-hidden="true" '
        'style="display:inline-block;margin-right:.4em">'
        f'<path d="M0 5H30" stroke="{line.colour}" stroke-width="2" '
        f'stroke-dasharray="{line.dashes}"/></svg>{escape(line.name)}'
    )

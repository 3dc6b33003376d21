"""What `tune` does: the cost of mask errors, and of a detector's settings, over painted pairs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import ndimage

from .. import detection
from ..datasets.pair import CloudyPair
from ..datasets.protocols import Filler
from ..datasets.tile import CLEAR, SHADOW, THIN, ByteArray, CloudMask
from ..detection.postprocess import buffer, drop_specks, sizes_px
from ..gan.mask_cost import Cost, cost, mean_cost

STEPS_PX = (-4, -2, -1, 1, 2, 4, 8)
"""By how many pixels the true mask is eroded (below 0) or grown."""
BUFFERS_PX = (0, 1, 2, 4, 6)
DEFAULT_PX = 2
"""Buffer of `clean`, pixels."""
FACTORS = (0.7, 1.0, 1.4)
"""Thresholds that are tried, over the detector's own."""
_MIN_PX = 4


@dataclass(frozen=True)
class Setting:
    """One way to use a detector."""

    threshold: float | None
    """None where the detector has none."""
    buffer_px: float | None = None
    """Pixels by which the mask grows."""
    buffer_m: float | None = None
    """The same in metres; one of the two is given."""

    def radius_px(self, gsd_m: float | None) -> float:
        """Pixels by which the mask of a scene with such pixels grows."""
        if self.buffer_m is None:
            return self.buffer_px or 0.0
        return sizes_px(gsd_m, buffer_m=self.buffer_m)[1]


@dataclass
class Tuning:
    """Costs, pair by pair, in the order of the pairs."""

    errors: dict[str, list[Cost]] = field(default_factory=dict)
    """Of the true mask after each change, by its name."""
    settings: dict[Setting, list[Cost]] = field(default_factory=dict)
    """Of each setting of the detector."""
    against: dict[str, list[Cost]] = field(default_factory=dict)
    """Of other detectors, as `clean` uses them."""


Make = Callable[[], Filler]


def changed_masks(mask: CloudMask) -> Iterator[tuple[str, CloudMask]]:
    """The true mask, and the same with one kind of error each."""
    classes = mask.classes

    def like(codes: ByteArray) -> CloudMask:
        return CloudMask(codes, mask.transform, mask.crs)

    yield "true mask", mask
    for step in STEPS_PX:
        codes = buffer(classes, step) if step > 0 else eroded(classes, -step)
        yield f"{'grown' if step > 0 else 'eroded'} by {abs(step)} px", like(codes)
    for name, code in (("shadow missed", SHADOW), ("thin cloud missed", THIN)):
        yield name, like(np.where(classes == code, CLEAR, classes).astype(np.uint8))
    yield "nothing masked", like(np.where(mask.contaminated, CLEAR, classes).astype(np.uint8))


def eroded(classes: ByteArray, radius_px: float) -> ByteArray:
    """Contaminated pixels within ``radius_px`` of clear ones become clear."""
    hidden = (classes > CLEAR) & (classes <= SHADOW)
    if not (classes == CLEAR).any():
        return classes
    near = ndimage.distance_transform_edt(classes != CLEAR) <= radius_px
    return np.where(hidden & near, CLEAR, classes).astype(np.uint8)


def cost_of_errors(pair: CloudyPair, make: Make, into: Tuning) -> None:
    """Add what each change of the true mask costs on one pair."""
    for name, mask in changed_masks(pair.mask):
        into.errors.setdefault(name, []).append(cost(pair, mask, make()))


def settings_of(
    detector: str, thresholds: Sequence[float], buffers_m: Sequence[float]
) -> tuple[list[Setting], Setting]:
    """The settings to try, and what `clean` does by default, which is always among them.

    Without ``thresholds`` the detector's own times `FACTORS` are tried, without ``buffers_m``
    `BUFFERS_PX`.
    """
    default = usual(detector)
    own = default.threshold
    tried: list[float | None] = [*thresholds]
    if not tried:
        tried = [None] if own is None else [round(own * f, 4) for f in FACTORS]
    sizes: list[tuple[float | None, float | None]] = [(None, m) for m in buffers_m]
    sizes = sizes or [(px, None) for px in BUFFERS_PX]
    rows = [Setting(t, *size) for t in dict.fromkeys(tried) for size in dict.fromkeys(sizes)]
    return (rows if default in rows else [*rows, default]), default


def usual(detector: str) -> Setting:
    """How `clean` uses a detector."""
    return Setting(getattr(detection.get(detector), "threshold", None), DEFAULT_PX)


def cost_of_detectors(names: Sequence[str], pair: CloudyPair, make: Make, into: Tuning) -> None:
    """Add what each detector's mask costs on one pair, as `clean` uses it."""
    for name in names:
        cost_of_settings(name, pair, make, [usual(name)], found := Tuning())
        into.against.setdefault(name, []).extend(*found.settings.values())


def cost_of_settings(
    detector: str, pair: CloudyPair, make: Make, settings: Sequence[Setting], into: Tuning
) -> None:
    """Add what each setting costs on one pair; the detector runs once for each threshold."""
    for threshold in dict.fromkeys(s.threshold for s in settings):
        given = {} if threshold is None else {"threshold": threshold}
        mask = detection.get(detector, **given).mask(pair.cloudy)
        cleaned = drop_specks(mask.classes, _MIN_PX)
        for setting in (s for s in settings if s.threshold == threshold):
            radius = setting.radius_px(pair.clear.gsd_m)
            grown = CloudMask(buffer(cleaned, radius), mask.transform, mask.crs)
            into.settings.setdefault(setting, []).append(cost(pair, grown, make()))


@dataclass(frozen=True)
class Choice:
    """The setting of least cost, and how sure that is."""

    best: Setting
    default: Setting
    gain: float
    """Mean of (cost of the default - cost of the best) over the pairs."""
    error: float
    """Standard error of that mean; NaN for one pair."""

    @property
    def sure(self) -> bool:
        """Whether the gain is more than two standard errors; of the best of several settings that
        is less than it seems."""
        return self.best != self.default and self.gain > 2 * self.error


def choose(tuning: Tuning, default: Setting) -> Choice:
    """The setting of least mean cost, compared pair by pair with the default."""
    best = min(tuning.settings, key=lambda s: mean_cost(tuning.settings[s]).total)
    return Choice(best, default, *saved(tuning.settings[default], tuning.settings[best]))


def saved(costs: Sequence[Cost], by: Sequence[Cost]) -> tuple[float, float]:
    """Mean of what ``by`` costs less, pair by pair, and its standard error (NaN for one pair)."""
    gains = np.array([a.total - b.total for a, b in zip(costs, by, strict=True)])
    n = len(gains)
    error = float(gains.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return float(gains.mean()), error


def facts(tuning: Tuning, choice: Choice) -> dict[str, Any]:
    """All figures, JSON-ready."""

    def rows(costs: Mapping[Any, list[Cost]]) -> list[tuple[Any, dict[str, Any]]]:
        return [
            (key, {**mean_cost(of).parts(), "pairs": [round(c.total, 6) for c in of]})
            for key, of in costs.items()
        ]

    def lead(name: str) -> dict[str, float]:
        gain, error = saved(tuning.settings[choice.default], tuning.against[name])
        return {"gain": gain, "standard_error": error}

    return {
        "mask_errors": [{"mask": name, **of} for name, of in rows(tuning.errors)],
        "settings": [{**s.__dict__, **of} for s, of in rows(tuning.settings)],
        "against": [{"detector": name, **of, **lead(name)} for name, of in rows(tuning.against)],
        "choice": {
            **choice.best.__dict__,
            "default": choice.default.__dict__,
            "gain": choice.gain,
            "standard_error": choice.error,
            "sure": choice.sure,
        },
    }


def told(detector: str, tuning: Tuning, choice: Choice) -> str:
    """Short tables and the choice, in units of 0.0001 of reflectance."""
    head = "".join(f"{name:>9}" for name in ("total", "missed", "filled", "lost", "spoilt"))
    default = tuning.settings[choice.default]

    def line(name: str, costs: list[Cost], than: list[Cost]) -> str:
        parts = mean_cost(costs).parts()
        order = ("total", "missed", "filled", "lost", "spoilt")
        more, error = saved(costs, than)
        figures = "".join(f"{1e4 * parts[k]:9.1f}" for k in order)
        return f"{name:28}{figures}" + f"{1e4 * more:+10.1f} +- {1e4 * error:.1f}" * (costs != than)

    by_cost = sorted(tuning.settings.items(), key=lambda row: mean_cost(row[1]).total)
    shown = [*by_cost[:8], *(row for row in by_cost[8:] if row[0] == choice.default)]
    lines = [
        f"error of reflectance after the fill, x 10000, mean of {len(default)} pairs; differences "
        "with their standard errors",
        f"{'the true mask':28}{head}  more than the true mask",
        *(line(f"  {n}", costs, tuning.errors["true mask"]) for n, costs in tuning.errors.items()),
        f"{detector:28}{head}  more than *",
        *(
            line(f"  {_words(s)}{' *' * (s == choice.default)}", costs, default)
            for s, costs in shown
        ),
        "(* as it is now)",
    ]
    if tuning.against:
        lines.append(f"{'others, as clean uses them':28}{head}  more than {detector} *")
        lines += [line(f"  {name}", costs, default) for name, costs in tuning.against.items()]
    gain = f"{1e4 * choice.gain:.1f} +- {1e4 * choice.error:.1f}"
    if choice.sure:
        lines.append(f"best: {_words(choice.best)} (less by {gain})")
    else:
        lines.append(f"nothing is told apart from what is (the best is less by {gain})")
    tried = {(s.buffer_m or 0.0, s.buffer_px or 0.0) for s in tuning.settings}
    if (choice.best.buffer_m or 0.0, choice.best.buffer_px or 0.0) == max(tried) > min(tried):
        lines.append("its buffer is the largest that was tried: try larger ones with --buffer-m")
    return "\n".join(lines)


def _words(setting: Setting) -> str:
    threshold = "" if setting.threshold is None else f"threshold {setting.threshold:g}, "
    size = f"{setting.buffer_px:g} px" if setting.buffer_m is None else f"{setting.buffer_m:g} m"
    return f"{threshold}{size}"

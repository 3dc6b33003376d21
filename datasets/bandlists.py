"""What the user says about bands (``--bands``), and what we propose when nothing is said."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from . import bands as windows
from .bands import Band, kind_of
from .errors import BandError
from .families import MEMBERS, Origin
from .sensors import sensors

CANONICAL: dict[str, Band] = {w.name: w for w in vars(windows).values() if isinstance(w, Band)}
"""Names that ``--bands`` understands whatever the sensor."""
_LAYOUTS: dict[tuple[str, int], frozenset[str]] = {
    ("sentinel-2", 13): frozenset(),
    ("sentinel-2", 12): frozenset({"B10"}),
    ("landsat-8/9", 11): frozenset(),
    ("landsat-8/9", 7): frozenset({"B8", "B9", "B10", "B11"}),
    ("superdove", 8): frozenset(),
}
"""Whole sets of bands that suppliers deliver in table order: bands left out, by family and
number of bands."""


def parse_bands(text: str, count: int, origin: Origin) -> list[Band]:
    """Bands from ``"blue,green,red,nir"``, ``"B02,B03"``, ``"490,560"`` (nm) or ``"0.49,0.56"``.

    ``other`` marks a layer that is not a spectral band.

    Raises:
        BandError: the number differs from ``count``, or a word is not understood.
    """
    words = [w.strip() for w in text.split(",")]
    if len(words) != count:
        raise BandError(
            f"--bands names {len(words)} bands", f"{count}, as many as the file has",
            "give one name for each band of the file, 'other' for layers to ignore",
        )  # fmt: skip
    return [_band(w, i, origin) for i, w in enumerate(words, 1)]


def _band(word: str, i: int, origin: Origin) -> Band:
    if word.lower() == "other":
        return Band(f"other_{i}", math.nan, math.nan, kind="other")
    if word.lower() in CANONICAL:
        window = CANONICAL[word.lower()]
        return Band(window.name, window.center_nm, math.nan, kind=window.kind)
    band = origin.band(word)
    if band is not None:
        return band
    if re.fullmatch(r"\d+(\.\d+)?", word):
        nm = float(word) * (1000 if float(word) < 100 else 1)
        if 300 <= nm <= 20_000:
            return Band(f"{nm:g}nm", nm, math.nan, kind=kind_of(nm))
    raise BandError(
        f"--bands has '{word}'",
        f"a wavelength in nm, 'other', or one of {', '.join(CANONICAL)}",
        "correct the name; names of a sensor's own need --sensor",
    )


def standard_layout(origin: Origin, count: int) -> tuple[Band, ...] | None:
    """The sensor's bands in table order, if suppliers deliver exactly that many."""
    left_out = _LAYOUTS.get((origin.family or "", count))
    if left_out is None or origin.family is None:
        return None
    table = sensors()[origin.key or MEMBERS[origin.family][0]].bands
    return tuple(b for b in table if b.name not in left_out)


def propose(names: Sequence[str]) -> str:
    """A sentence with candidates by band names or number, for the user to judge."""
    lower = [n.lower() for n in names]
    if all(n in CANONICAL for n in lower):
        return f"the names suggest --bands {','.join(lower)}"
    if all(re.fullmatch(r"B(\d\d?|8A)", n, re.I) for n in names):
        fits = [
            key
            for family, keys in MEMBERS.items()
            for key in keys[:1]
            if all(Origin(family, key).band(n) for n in names)
        ]
        return f"the names would fit --sensor {' or --sensor '.join(fits)}" if fits else _EXAMPLE
    by_count = {
        3: "three bands are often --bands red,green,blue",
        4: "four bands are often --bands blue,green,red,nir or --bands red,green,blue,nir",
        7: "seven bands are often --sensor landsat-8 (SR_B1 to SR_B7)",
        8: "eight bands are often --sensor superdove",
        11: "eleven bands are often --sensor landsat-8",
        12: "twelve bands are often --sensor sentinel-2a (without B10)",
        13: "thirteen bands are often --sensor sentinel-2a",
    }
    return by_count.get(len(names), _EXAMPLE)


_EXAMPLE = "for example --bands 490,560,665,842 (nm)"

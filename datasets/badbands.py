"""Which bands of an imaging spectrometer are not used, by one rule for all readers.

A bad band is kept (a scene is written back whole) but gets kind ``other``, so that no method
picks it; its tags say ``bbl`` 0, as in ENVI's bad-band list, and why.

Rule 1: the product lists the band as bad: ``bbl`` 0 (ENVI), ``good_wavelengths`` 0 (EMIT).
Rule 2: the band has no wavelength (0): unused detector rows of PRISMA, and files made from them.
Rule 3: its centre lies in 1350-1430 or 1800-1950 nm. Water vapour absorbs nearly all of the
sunlight there on its way down and up (Gao, Heidebrecht & Goetz 1993), so what is retrieved as
reflectance is noise.

1355-1395 nm is left out of the third rule: there cirrus, above the vapour, is all that is seen
(Gao & Kaufman 1995), which is what bands of kind ``cirrus`` are for. A product that is
corrected for the atmosphere usually lists these bands itself. The weak signal beyond 2450 nm is
left to the products' own lists: no method asks for it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from .bands import Band, BandSet, kind_of
from .errors import BandError

WATER_VAPOUR_NM = ((1350.0, 1430.0), (1800.0, 1950.0))
"""Ranges of band centres, both ends included, where the ground cannot be seen."""

BandTags = tuple[dict[str, str], ...]


def bad_reason(center_nm: float, listed: bool = False) -> str | None:
    """Why a band is not used, or None for a good one.

    Args:
        center_nm: centre wavelength in nm; 0 or NaN for a band without one.
        listed: the product itself calls the band bad.
    """
    if not center_nm > 0:
        return "no wavelength"
    if listed:
        return "listed as bad"
    if kind_of(center_nm) == "cirrus":
        return None
    for low, high in WATER_VAPOUR_NM:
        if low <= center_nm <= high:
            return f"water vapour {low:g}-{high:g} nm"
    return None


def spectral_bands(
    path: object,
    names: Sequence[str],
    centers_nm: Sequence[float],
    fwhm_nm: Sequence[float],
    *,
    good: Sequence[bool] | None = None,
    gsd_m: float | None = None,
) -> tuple[BandSet, BandTags]:
    """Bands of an imaging spectrometer in stored order, and the tags that record them.

    Args:
        path: the product, for messages.
        names: a name for each band.
        centers_nm: centre wavelengths in nm; 0 marks an unused band.
        fwhm_nm: full widths at half maximum in nm; NaN or 0 where not known.
        good: False for bands that the product lists as bad.
        gsd_m: pixel size in metres.

    Raises:
        BandError: lists of different lengths, a wavelength outside 300 to 20,000 nm, or no
            good band at all.
    """
    counts = {len(names), len(centers_nm), len(fwhm_nm), len(names if good is None else good)}
    if len(counts) > 1:
        raise BandError(
            f"{path} has {len(names)} bands, {len(centers_nm)} wavelengths, {len(fwhm_nm)} widths"
            + (f" and {len(good)} flags" if good is not None else ""),
            "one of each for every band",
            "download the product again, or correct its header",
        )
    rows = [
        _band(path, n, float(c), float(w), good is None or bool(good[i]), gsd_m)
        for i, (n, c, w) in enumerate(zip(names, centers_nm, fwhm_nm, strict=True))
    ]
    if all(b.kind == "other" for b, _ in rows):
        raise BandError(
            f"{path} has {len(rows)} bands, all bad", "at least one good band", "check its metadata"
        )
    return BandSet(tuple(b for b, _ in rows)), tuple(t for _, t in rows)


def _band(
    path: object, name: str, center: float, fwhm: float, good: bool, gsd_m: float | None
) -> tuple[Band, dict[str, str]]:
    if center != 0 and not math.isnan(center) and not 300 <= center <= 20_000:
        raise BandError(
            f"{path} has wavelength {center:g} nm for band {name}",
            "300 to 20000 nm, or 0 for an unused band",
            "download the product again, or correct its header",
        )
    reason = bad_reason(center, not good)
    width = fwhm if fwhm > 0 else 0.0
    tags = {"wavelength": f"{center if center > 0 else 0:.10g}", "wavelength_units": "nm"}
    if width:
        tags["fwhm"] = f"{width:.10g}"
    if reason is None:
        return Band(name, center, width or 0.06 * center, gsd_m, kind_of(center)), tags
    tags |= {"bbl": "0", "bbl_reason": reason}
    return Band(name, center if center > 0 else math.nan, width or math.nan, gsd_m, "other"), tags

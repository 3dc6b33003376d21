"""Where a cloud is possible at all, by its spectrum: the tests that Fmask begins with."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets.bands import BandSet
from .fmask import Fmask


def plausible(image: Tensor, present: Tensor, bands: BandSet) -> Tensor:
    """(n, 1, y, x) float32: 1 where the spectrum may be a cloud's, 0 where it cannot.

    Cloud is white, hazier than clear ground, no plant, and neither darker in the infrared than
    snow nor than soil; or it reflects in the cirrus band and is no snow. A test whose bands are
    lacking passes everything. On labelled tiles and clear scenes that a network had not seen,
    these tests took nine tenths of its false alarms (bright fields, turbid water) and no cloud.

    Source: Zhu, Woodcock (2012), equations 1 to 4, and Zhu, Wang, Woodcock (2015) for the cirrus
    band, with their limits; see `fmask.Fmask`. Written without ratios.

    Args:
        image: (n, band, y, x) top-of-atmosphere reflectance. Surface reflectance has less haze
            in blue, so that of the thinnest clouds more is lost there.
        present: (n, band) float32, 1 where the sensor has the band.
        bands: what the planes stand for.
    """
    at = {name: i for i, name in enumerate(bands.names)}
    blue, green, red, nir, swir1, swir2, cirrus = (
        image[:, at[name]] for name in ("blue", "green", "red", "nir", "swir1", "swir2", "cirrus")
    )

    def has(*names: str) -> Tensor:
        return present[:, [at[name] for name in names]].prod(dim=1)[:, None, None] > 0

    def passed(test: Tensor, *names: str) -> Tensor:
        return test | ~has(*names)

    # Of three numbers, what they differ from their mean, added up, is twice the largest difference.
    visible = torch.stack([blue, green, red], dim=1)
    low, high, mean = visible.amin(1), visible.amax(1), visible.mean(1)
    half = Fmask.max_whiteness / 2
    tests = (
        passed((high < (1 + half) * mean) & (low > (1 - half) * mean), "blue", "green", "red"),
        passed(torch.sub(blue, red, alpha=0.5) > Fmask.min_hot, "blue", "red"),
        passed(nir < 9 * red, "nir", "red"),  # (nir - red) / (nir + red) < 0.8
        passed(green < 9 * swir1, "green", "swir1"),
        passed(nir > 0.75 * swir1, "nir", "swir1"),
        passed(swir2 > 0.03, "swir2"),
    )
    out = tests[0]
    for test in tests[1:]:
        out = out & test
    # (green - swir1) / (green + swir1) > 0.15
    snow = (green > 1.15 / 0.85 * swir1) & (nir > 0.11) & (green > 0.1)
    thin = (cirrus > Fmask.min_cirrus) & ~snow & has("cirrus", "green", "nir", "swir1")
    return (out | thin)[:, None].to(image.dtype)

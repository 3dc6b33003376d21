"""Bands and band sets: everybody asks by wavelength, nobody by index.

A *needed* band is a window: any band of the same kind whose centre lies within half a
FWHM of the window's centre fits, and the nearest one wins. The windows below hold the
bands of Sentinel-2, Landsat, SuperDove, Satellogic and imaging spectrometers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, overload

from .errors import BandError, UnfitError

BandKind = Literal["reflective", "thermal", "cirrus", "vapour", "other"]
"""``other``: not spectral (a supplier's classes) or on the bad-band list; kept, never used."""


@dataclass(frozen=True)
class Band:
    """One spectral band."""

    name: str
    """Name as the file or sensor gives it, for example ``B8A``."""
    center_nm: float
    """Centre wavelength in nanometres (NaN for kind ``other`` without one)."""
    fwhm_nm: float
    """Full width at half maximum in nanometres."""
    gsd_m: float | None = None
    """Native ground sampling distance in metres, where known."""
    kind: BandKind = "reflective"
    """What the band measures; reflective bands hold reflectance, thermal ones kelvin."""

    def accepts(self, other: Band) -> bool:
        """Whether ``other`` lies in this window: same kind, centre within half a FWHM."""
        return other.kind == self.kind and abs(other.center_nm - self.center_nm) <= self.fwhm_nm / 2

    def __str__(self) -> str:
        return f"{self.name} ({self.center_nm:g} nm)"


@dataclass(frozen=True)
class BandSet:
    """An ordered tuple of bands with unique names."""

    bands: tuple[Band, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "bands", tuple(self.bands))
        names = [b.name for b in self.bands]
        doubles = sorted({n for n in names if names.count(n) > 1})
        if doubles:
            raise BandError(
                f"band names {', '.join(doubles)} occur twice",
                "every band to have its own name",
                "rename the bands in the file, or pass --bands with distinct names",
            )

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(b.name for b in self.bands)

    @property
    def optical(self) -> tuple[int, ...]:
        """Indices of the bands that hold reflectance (kind reflective, cirrus or vapour)."""
        return tuple(
            i for i, b in enumerate(self.bands) if b.kind in ("reflective", "cirrus", "vapour")
        )

    def __len__(self) -> int:
        return len(self.bands)

    def __iter__(self) -> Iterator[Band]:
        return iter(self.bands)

    @overload
    def __getitem__(self, i: int) -> Band: ...
    @overload
    def __getitem__(self, i: slice) -> BandSet: ...
    def __getitem__(self, i: int | slice) -> Band | BandSet:
        return BandSet(self.bands[i]) if isinstance(i, slice) else self.bands[i]

    def select(self, indices: Iterable[int]) -> BandSet:
        """The bands at ``indices``, in that order."""
        return BandSet(tuple(self.bands[i] for i in indices))

    def find(self, window: Band) -> int | None:
        """Index of the band nearest to the centre of ``window`` that lies in it, or None."""
        fits = [i for i, b in enumerate(self.bands) if window.accepts(b)]
        return min(
            fits, key=lambda i: abs(self.bands[i].center_nm - window.center_nm), default=None
        )

    def nearest(self, center_nm: float) -> int:
        """Index of the spectral band (any kind but ``other``) nearest to ``center_nm``."""
        spectral = [i for i, b in enumerate(self.bands) if b.kind != "other"]
        if not spectral:
            raise BandError("no spectral band", "at least one", "check the file's wavelengths")
        return min(spectral, key=lambda i: abs(self.bands[i].center_nm - center_nm))

    def missing(self, needed: BandSet) -> tuple[Band, ...]:
        """The windows of ``needed`` that no band of this set fits."""
        return tuple(w for w in needed if self.find(w) is None)

    def locate(self, needed: BandSet) -> tuple[int, ...]:
        """Indices of the bands that fit the windows of ``needed``, in its order.

        Raises:
            UnfitError: naming every window that nothing fits.
        """
        lost = self.missing(needed)
        if lost:
            raise UnfitError(
                f"no band near {', '.join(str(w) for w in lost)}",
                f"bands {', '.join(needed.names)}",
                "choose a method that needs fewer bands, or --detector auto",
            )
        return tuple(i for w in needed if (i := self.find(w)) is not None)


COASTAL = Band("coastal", 443, 20)
BLUE = Band("blue", 482, 64)
GREEN = Band("green", 560, 64)
RED = Band("red", 657, 66)
RED_EDGE_1 = Band("red_edge_705", 705, 16)
RED_EDGE_2 = Band("red_edge_740", 740, 18)
RED_EDGE_3 = Band("red_edge_783", 783, 18)
NIR = Band("nir", 842, 124)
NIR_NARROW = Band("nir_narrow", 865, 24)
SWIR1 = Band("swir1", 1610, 160)
SWIR2 = Band("swir2", 2200, 240)
CIRRUS = Band("cirrus", 1375, 40, kind="cirrus")
VAPOUR = Band("vapour", 945, 30, kind="vapour")
THERMAL = Band("thermal", 11000, 1200, kind="thermal")
"""Windows. The NIR window prefers S2 B08 and Landsat B5, and still takes 790-900 nm."""


def kind_of(center_nm: float) -> BandKind:
    """Kind of a band by its centre: thermal above 3 um, cirrus 1355-1395, vapour 930-960 nm."""
    if center_nm > 3000:
        return "thermal"
    if CIRRUS.center_nm - 20 <= center_nm <= CIRRUS.center_nm + 20:
        return "cirrus"
    if VAPOUR.center_nm - 15 <= center_nm <= VAPOUR.center_nm + 15:
        return "vapour"
    return "reflective"

"""Who is cloudy: detectors of clouds and their shadows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..datasets.errors import KumosanError, UnfitError
from ..datasets.protocols import Detector, available, create
from ..datasets.tile import CloudMask, Tile
from .braaten import Braaten
from .cubes import mask_xarray
from .engine import mask_scene
from .fmask import Fmask
from .fmask_unet import FmaskUnet
from .hollstein import Hollstein
from .hot import Hot
from .ltk import Ltk
from .many import mask_scenes
from .mask_settings import MaskResult, MaskSettings
from .peers import PEERS
from .segmenter import Segmenter
from .supplier import QaPixel, Scl, Udm2

GROUP = "kumosan.detectors"
"""Entry points of plug-ins."""

DETECTORS: dict[str, Callable[..., Detector]] = {
    "braaten": Braaten,
    "fmask": Fmask,
    "fmask-unet": FmaskUnet,
    "hollstein": Hollstein,
    "hot": Hot,
    "ltk": Ltk,
    "qa": QaPixel,
    "scl": Scl,
    "udm2": Udm2,
    "unet": Segmenter,
    **PEERS,
}
"""Built-in detectors by name."""

NETWORKS = ("fmask-unet", "unet")
"""Those that take ``weights``, ``threshold``, ``flip``, ``runtime``, ``network_m``; best first."""
AUTO = (*NETWORKS, "qa", "fmask", "scl", "udm2", "hot", "ltk", "hollstein", "braaten")
"""Order of preference of ``auto``; the first that fits is used.

By the mean balanced accuracy of cloud, shadow and both on the hand-labelled Landsat 8 tiles of
split `train`, each judged by a network that had not seen its place: fmask-unet .860 (.926, .753,
.901), fmask .833 (.924, .664, .912), unet .832 (.894, .723, .878). The two networks stream scenes
of any size. With visible and NIR bands alone unet is behind hot for cloud (.79 against .82), which
knows no shadow. QA_PIXEL stands before fmask: it
is Fmask again, run by the supplier on the whole scene with its sun angles. Sen2Cor's SCL comes
after Fmask, which did better on CloudSEN12 (.84 against .71), and before the rules that know no
shadow; Planet's UDM2 likewise (not measured; SuperDove has no bands for Fmask). Hollstein's tree,
for Sentinel-2 Level-1C, could not be measured on those tiles.
"""

__all__ = [
    "AUTO",
    "DETECTORS",
    "NETWORKS",
    "MaskResult",
    "MaskSettings",
    "auto",
    "check",
    "choose",
    "detect",
    "fitting",
    "get",
    "mask_scene",
    "mask_scenes",
    "mask_xarray",
    "names",
]


def get(name: str, **settings: Any) -> Detector:
    """The detector called ``name``, with the given settings in place of its defaults.

    Raises:
        UsageError: there is no such detector, or it has no such setting.
    """
    return create(DETECTORS, GROUP, name, **settings)


def fitting(tile: Tile) -> list[str]:
    """Names of the built-in detectors that work on this tile, best first, then plug-ins."""
    return [name for name in names() if _fits(name, tile)]


def auto(tile: Tile) -> str:
    """Name of the detector to use on this tile (see ``AUTO``).

    Raises:
        UnfitError: no detector fits; the message says what each of them needs.
    """
    found = fitting(tile)
    if not found:
        needs = "; ".join(f"{name}: {_needs(name)}" for name in names())
        raise UnfitError(
            f"{tile.path or 'a tile'} with bands {', '.join(map(str, tile.bands)) or 'none'}",
            f"what one of the detectors needs ({needs})",
            "give a file with those bands and their wavelengths, or name them with --bands",
        )
    return found[0]


def choose(tile: Tile, name: str = "auto", **settings: Any) -> tuple[str, Detector]:
    """Name and detector to use on a tile.

    With settings ``auto`` is the first of `NETWORKS` that fits: they are for the network.

    Raises:
        UnfitError: the named detector does not fit; the message names those that do.
        UsageError: there is no such detector, or it has no such setting.
    """
    if name == "auto":
        name = auto(tile) if not settings else _network(tile)
    detector = get(name, **settings)
    try:
        check(detector, tile)
    except UnfitError as error:
        others = fitting(tile)
        remedy = f"use one that fits: {', '.join(others)}" if others else "use another file"
        raise UnfitError(f"detector '{name}': {error.got}", error.expected, remedy) from error
    return name, detector


def detect(tile: Tile, name: str = "auto", **settings: Any) -> CloudMask:
    """The mask of a tile by the named detector, or by the one chosen for it."""
    return choose(tile, name, **settings)[1].mask(tile)


def names() -> list[str]:
    """All detectors: those of ``auto``, best first, then peers and plug-ins."""
    return [*AUTO, *sorted(set(available(DETECTORS, GROUP)) - set(AUTO))]


def check(detector: Detector, tile: Tile) -> None:
    """Raise UnfitError unless it works on ``tile``: by its own ``check``, else by its bands."""
    own = getattr(detector, "check", None)
    if own is None:
        tile.bands.locate(detector.bands)
    else:
        own(tile)


def _network(tile: Tile) -> str:
    """The first of `NETWORKS` that fits, else the last, which says what it needs."""
    return next((name for name in NETWORKS if _fits(name, tile)), NETWORKS[-1])


def _fits(name: str, tile: Tile) -> bool:
    """Whether it works on ``tile``; a plug-in that cannot even be made does not."""
    try:
        check(get(name), tile)
    except (KumosanError, ImportError):
        return False
    return True


def _needs(name: str) -> str:
    try:
        detector = get(name)
    except (KumosanError, ImportError) as error:
        return f"not usable here, {error}"
    if isinstance(detector, Scl | QaPixel | Udm2):
        return f"the supplier's mask of scheme {detector.scheme}"
    return ", ".join(detector.bands.names)

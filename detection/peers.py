"""Other people's cloud masks as detectors, to be measured beside ours. Extra ``peers``.

``auto`` never prefers them: the user names them. None of them fetches anything at run time.
"""

from __future__ import annotations

import csv
import os
import sys
import warnings
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ..datasets.bands import (
    BLUE,
    CIRRUS,
    COASTAL,
    GREEN,
    NIR,
    NIR_NARROW,
    RED,
    RED_EDGE_1,
    SWIR1,
    SWIR2,
    VAPOUR,
    BandSet,
)
from ..datasets.errors import FileError, MissingExtraError, UnfitError
from ..datasets.tile import CLEAR, SHADOW, THICK, CloudMask, FloatArray, Tile
from ..datasets.vision import torchvision

EXTRA = "peers"


@dataclass(frozen=True)
class S2Cloudless:
    """Sentinel Hub's pixel classifier for Sentinel-2 Level-1C: gradient-boosted trees.

    It knows cloud (here thick) and clear; the probabilities of thin cloud and shadow are 0.
    Settings are the package's own. Its licence is CC BY-SA 4.0.

    Source: Sinergise, s2cloudless (github.com/sentinel-hub/sentinel2-cloud-detector); Skakun
    et al. (2022), Cloud mask intercomparison exercise, Remote Sens. Environ. 274, 112990.
    """

    bands: ClassVar[BandSet] = BandSet(
        (COASTAL, BLUE, RED, RED_EDGE_1, NIR, NIR_NARROW, VAPOUR, CIRRUS, SWIR1, SWIR2)
    )

    threshold: float = 0.4
    """Probability above which a pixel is cloud."""
    average_px: int = 1
    """Radius over which probabilities are averaged first."""
    dilation_px: int = 1
    """Radius by which clouds are grown."""
    threads: int | None = None
    """Threads; None: as many as OMP_NUM_THREADS says, else the library's own choice."""

    def __post_init__(self) -> None:
        _require("s2cloudless", "detector 's2cloudless'")

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear and cloud, with probabilities."""
        image = _image(tile, self.bands)
        module = _load("s2cloudless", "detector 's2cloudless'")
        found = module.S2PixelCloudDetector(
            threshold=self.threshold,
            average_over=self.average_px,
            dilation_size=self.dilation_px,
        )
        said = found.get_cloud_probability_maps(image[None], num_threads=_threads(self.threads))
        cloud = found.get_mask_from_prob(said)[0] > 0
        probability = np.zeros((4, *tile.shape), np.float32)
        probability[CLEAR], probability[THICK] = 1 - said[0], said[0]
        probability[:, ~tile.valid] = np.nan
        return CloudMask.like(tile, np.where(cloud, THICK, CLEAR), probability)


@dataclass(frozen=True)
class Ukis:
    """DLR's U-Net for Sentinel-2 and Landsat (ukis-csmask): cloud and shadow.

    Reflectance of blue, green, red and NIR, and of both SWIR bands where the tile has them;
    the networks for Level-2A are taken for surface reflectance. Its authors advise pixels of
    about 30 m; tiles are given to it as they are.

    Source: Wieland, Li, Martinis (2019), Multi-sensor cloud and cloud shadow segmentation with
    a convolutional neural network, Remote Sens. Environ. 230,
    doi:10.1016/j.rse.2019.05.022.
    """

    bands: ClassVar[BandSet] = BandSet((BLUE, GREEN, RED, NIR))
    more: ClassVar[BandSet] = BandSet((SWIR1, SWIR2))
    """Used where the tile has both."""

    threads: int | None = None
    """Threads; None: as many as OMP_NUM_THREADS says, else the library's own choice."""

    def __post_init__(self) -> None:
        _require("ukis_csmask", "detector 'ukis'")

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into clear, cloud (thick) and shadow."""
        six = not tile.bands.missing(self.more)
        image = _image(tile, BandSet((*self.bands, *self.more)) if six else self.bands)
        names = ["blue", "green", "red", "nir", "swir16", "swir22"][: image.shape[2]]
        module = _load("ukis_csmask.mask", "detector 'ukis'")
        with warnings.catch_warnings():  # it warns of every tile below 256 px
            warnings.filterwarnings("ignore", "Your input image is smaller", UserWarning)
            found = module.CSmask(
                image,
                names,
                product_level="l2a" if tile.acquired.level == "SR" else "l1c",
                intra_op_num_threads=_threads(self.threads),
                inter_op_num_threads=1,
            )
        table = np.array([CLEAR, THICK, SHADOW])
        return CloudMask.like(tile, table[found.csm[..., 0]])


@dataclass(frozen=True)
class OmniCloudMask:
    """OmniCloudMask: two U-Nets for any sensor with red, green and NIR, 10 to 50 m.

    The package does not bring its weights and would download them when first used. Here it may
    not: they have to lie in a folder already, put there by its own
    ``omnicloudmask.download_models.get_models``. Threads are those of torch.

    Source: Wright, Duncan, Callow, Thompson, George (2025), Training sensor-agnostic deep
    learning models for remote sensing, Remote Sens. Environ. 322, 114694.
    """

    bands: ClassVar[BandSet] = BandSet((RED, GREEN, NIR))
    version: ClassVar[float] = 4.0
    """Of its weights; older ones are unpickled or need fastai."""
    min_size_px: ClassVar[int] = 32

    weights: Path | None = None
    """Folder of its weights; None: the one that the package itself keeps them in."""

    def __post_init__(self) -> None:
        _require("omnicloudmask", "detector 'omnicloudmask'")

    def mask(self, tile: Tile) -> CloudMask:
        """Classify every valid pixel into the four classes, with probabilities.

        Raises:
            FileError: its weights are not in the folder.
            UnfitError: bands are missing, or the tile is smaller than 32 pixels.
        """
        image = np.moveaxis(_image(tile, self.bands), -1, 0)
        side = min(tile.shape)
        if side < self.min_size_px:
            raise UnfitError(
                f"a tile of {tile.shape[0]} x {tile.shape[1]} pixels",
                f"at least {self.min_size_px} on each side for omnicloudmask",
                "give it a larger tile, or choose another detector",
            )
        torchvision()  # timm, on which it builds, needs one that imports
        module = _load("omnicloudmask", "detector 'omnicloudmask'")
        said: FloatArray = module.predict_from_array(
            image,
            patch_size=min(1000, side),
            patch_overlap=min(300, side // 2),
            export_confidence=True,
            destination_model_dir=self._folder(),
            model_version=self.version,
        )
        classes = said.argmax(0)  # its codes are ours
        total = said.sum(0)  # 1.004, for it adds .001 to every class
        share = np.divide(said, total, out=np.full_like(said, np.nan), where=total > 0)
        probability = np.where(tile.valid, share, np.nan).astype(np.float32)
        return CloudMask.like(tile, classes, probability)

    def _folder(self) -> Path:
        """The folder, when all files of ``version`` are there: then nothing is downloaded."""
        store = _load("omnicloudmask.download_models", "detector 'omnicloudmask'")
        folder = Path(self.weights or store.get_model_data_dir())
        with store.model_index_path.open() as file:
            listed = [r for r in csv.DictReader(file) if float(r["version"]) == self.version]
        names = [row["file_name"] for row in listed]
        # the package fetches what is missing, and anew what is no larger than 1 MiB
        lost = [n for n in names if not _larger(folder / n, 2**20)]
        if lost or not names:
            raise FileError(
                f"{folder} lacks the weights {', '.join(lost) or f'version {self.version}'}",
                "the weights of omnicloudmask, which kumosan never downloads by itself",
                'fetch them once with: python -c "from omnicloudmask.download_models import '
                f'get_models; get_models(model_dir={str(folder)!r}, model_version=4.0)"',
            )
        return folder


PEERS: dict[str, type[S2Cloudless] | type[Ukis] | type[OmniCloudMask]] = {
    "omnicloudmask": OmniCloudMask,
    "s2cloudless": S2Cloudless,
    "ukis": Ukis,
}
"""By the names that the user gives."""


def _image(tile: Tile, bands: BandSet) -> FloatArray:
    """(y, x, band) float32 reflectance, C-ordered; 0 on invalid pixels, as the peers expect."""
    planes = np.moveaxis(np.where(tile.valid, tile.pick(bands), np.float32(0)), 0, -1)
    return np.ascontiguousarray(planes, np.float32)


def _threads(asked: int | None) -> int:
    """The number of threads; 0 lets the library choose."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    return asked or (int(told) if told.isdigit() else 0)


def _larger(path: Path, size_bytes: int) -> bool:
    return path.is_file() and path.stat().st_size > size_bytes


def _require(module: str, feature: str) -> None:
    """Raise MissingExtraError if the package is not installed; it is not imported yet."""
    if module not in sys.modules and find_spec(module) is None:
        raise MissingExtraError(feature, EXTRA)


def _load(module: str, feature: str) -> Any:
    try:
        return import_module(module)
    except ImportError as error:  # also where a package of the package is missing
        raise MissingExtraError(feature, EXTRA) from error

"""What goes in and comes out: bands, tiles, masks, sensors, readers and writers."""

from .bands import Band, BandSet
from .encoding import Encoding
from .errors import KumosanError
from .memory import from_array
from .protocols import Detector, Filler
from .read import open_scene, read, read_mask
from .scene import Scene
from .stac_stack import from_stac
from .tile import Acquisition, CloudMask, FilledTile, Quality, Tile
from .write import write_filled, write_mask, write_tile
from .xarray_bridge import from_xarray, mask_to_xarray, to_xarray

__all__ = [
    "Acquisition",
    "Band",
    "BandSet",
    "CloudMask",
    "Detector",
    "Encoding",
    "FilledTile",
    "Filler",
    "KumosanError",
    "Quality",
    "Scene",
    "Tile",
    "from_array",
    "from_stac",
    "from_xarray",
    "mask_to_xarray",
    "open_scene",
    "read",
    "read_mask",
    "to_xarray",
    "write_filled",
    "write_mask",
    "write_tile",
]

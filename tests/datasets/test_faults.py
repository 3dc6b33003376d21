"""What goes wrong on reading: one row a case, each with its error and what the message says."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets import read, read_mask
from kumosan.datasets.errors import (
    BandError,
    FileError,
    GridError,
    KumosanError,
    UsageError,
    ValueRangeError,
)

NM = [490, 560, 665]
FLOAT = np.full((3, 64, 64), 0.25, np.float32)
NOISE = np.random.default_rng(0).integers(1, 60_000, (3, 64, 64)).astype(np.uint16)


Maker = Any  # of conftest.py


def corrupt(m: Maker) -> Path:
    path = m.tif(NOISE, nm=NM, scale=1e-4, compress="deflate")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 2000] = b"\xaa" * 2000
    path.write_bytes(content)
    return path


def moved(epsg: int = 32601, west: float = 300_000) -> Callable[[Maker], Path]:
    """A SAFE whose band B11 lies in another CRS, or elsewhere."""

    def make(m: Maker) -> Path:
        folder = m.safe()
        path = next(folder.rglob("*_B11_20m.jp2"))
        path.unlink()
        with rasterio.open(
            path, "w", driver="JP2OpenJPEG", count=1, height=6, width=12, dtype="uint16",
            crs=f"EPSG:{epsg}", transform=Affine(20, 0, west, 0, -20, 7_400_040),
        ) as ds:  # fmt: skip
            ds.write(np.full((1, 6, 12), 1000, np.uint16))
        return folder

    return make


def two_granules(m: Maker) -> Path:
    folder = m.safe()
    granule = next(folder.glob("GRANULE/*"))
    shutil.copytree(granule, granule.with_name("L2A_other"))
    return folder


def two_scenes(m: Maker) -> Path:
    folder = m.landsat()
    mtl = next(folder.glob("*_MTL.json"))
    shutil.copyfile(mtl, folder / "LC09_other_MTL.json")
    return folder


def landsat_band(data: Any, **options: Any) -> Callable[[Maker], Path]:
    """A Landsat scene whose SR_B3 is replaced by ``data``."""

    def make(m: Maker) -> Path:
        folder = m.landsat()
        shutil.move(m.tif(data, "b3.tif", **options), next(folder.glob("*SR_B3.TIF")))
        return folder

    return make


def landsat_vrt(m: Maker) -> Path:
    folder = m.landsat()
    next(folder.glob("*SR_B3.TIF")).write_text("<VRTDataset/>")
    return folder


def resized(band: str, size_m: int, shape: tuple[int, int]) -> Callable[[Maker], Path]:
    return lambda m: m.safe(planes={(band, size_m): np.ones(shape, np.uint16)})


def one_wavelength_lacks(m: Maker) -> Path:
    return m.tif(FLOAT, band_tags=[{"wavelength": "490"}, {"wavelength": "560"}, {}])


def tags_cut_off(m: Maker) -> Path:
    """GDAL opens it, without its grid and scale."""
    return m.cut(m.tif(NOISE, nm=NM, scale=1e-4, compress="deflate"), 0.9995)


def thermal_without_scale(m: Maker) -> Path:
    return m.tif(NOISE, nm=[490, 560, 10900], scale=[1e-4, 1e-4, 1])


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


def safe_xml(text: str) -> Callable[[Maker], Path]:
    def make(m: Maker) -> Path:
        folder = m.safe()
        (folder / "MTD_MSIL2A.xml").write_text(text)
        return folder

    return make


def mtl(old: str, new: str) -> Callable[[Maker], Path]:
    return lambda m: m.edit(next(m.landsat().glob("*_MTL.json")), old, new)


def mtd(old: str, new: str) -> Callable[[Maker], Path]:
    return lambda m: m.edit(m.safe() / "MTD_MSIL2A.xml", old, new)


def tile_xml(old: str, new: str) -> Callable[[Maker], Path]:
    def make(m: Maker) -> Path:
        folder = m.safe()
        return m.edit(next(folder.rglob("MTD_TL.xml")), old, new, folder)

    return make


U8 = (NOISE % 256).astype(np.uint8)
DAMAGED = (FileError, "is damaged")
LARGE = (FileError, "--max-pixels")


def row(
    name: str,
    make: Callable[[Maker], Path],
    error: type[KumosanError],
    message: str,
    **options: Any,
) -> Any:
    """One case: how to make the input, the options of ``read``, and what must be said."""
    return pytest.param(make, options, error, message, id=name)


FILES = [
    row("missing", lambda m: m.folder / "no.tif", FileError, "does not exist"),
    row("zero bytes", lambda m: m.bytes(b""), FileError, "zero bytes"),
    row("plain folder", lambda m: m.folder, FileError, "folder without a Sentinel-2 or Landsat"),
    row("text", lambda m: m.bytes(b"hello world"), FileError, "unknown kind"),
    row("VRT", lambda m: m.bytes(b"\n <VRTDataset/>"), FileError, "GDAL VRT"),
    row("VRT after BOM", lambda m: m.bytes(b"\xef\xbb\xbf<VRTDataset/>"), FileError, "GDAL VRT"),
    row("WMS text", lambda m: m.bytes(b"<GDAL_WMS></GDAL_WMS>"), FileError, "an XML text"),
    row("ZIP", lambda m: m.bytes(b"PK\x03\x04..."), FileError, "a ZIP archive"),
    row("HDF5", lambda m: m.bytes(b"\x89HDF\r\n\x1a\n"), FileError, "HDF5"),
    row("PNG", lambda m: m.bytes(b"\x89PNG\r\n\x1a\n"), FileError, "a PNG picture"),
    row("magic only", lambda m: m.bytes(b"II*\x00"), *DAMAGED),
    row("noise after magic", lambda m: m.bytes(b"II*\x00" + bytes(range(256))), *DAMAGED),
    row("JP2 magic only", lambda m: m.bytes(b"\x00\x00\x00\x0cjP  \r\n\x87\n"), *DAMAGED),
    row("cut in half", lambda m: m.cut(m.tif(NOISE, nm=NM, scale=1e-4), 0.5), *DAMAGED),
    row("only tags cut off", tags_cut_off, *DAMAGED),
    row("JP2 cut", lambda m: m.cut_one(m.safe(), "*B08_10m.jp2"), *DAMAGED),
    row("corrupt block", corrupt, *DAMAGED),
    row("too large", lambda m: m.tif(FLOAT, nm=NM), *LARGE, max_pixels=1000),
    row("SAFE too large", lambda m: m.safe(), *LARGE, max_pixels=800),
    row("Landsat too large", lambda m: m.landsat(), *LARGE, max_pixels=512 * 512 * 7),
]

SAFE = [
    row("SAFE lacks a band", lambda m: m.without(m.safe(), "*_B03*"), FileError, "band B03"),
    row("SAFE lacks SCL", lambda m: m.without(m.safe(), "*_SCL*"), FileError, "band SCL"),
    row("SAFE lacks all", lambda m: m.without(m.safe(), "*.jp2"), FileError, "band B01"),
    row("SAFE lacks MTD", lambda m: m.without(m.safe(), "MTD_MSI*"), FileError, "no MTD_MSIL1C"),
    row("SAFE lacks MTD_TL", lambda m: m.without(m.safe(), "MTD_TL.xml"), FileError, "0 granules"),
    row("SAFE of two tiles", two_granules, FileError, "2 granules"),
    row("SAFE is no XML", safe_xml("<x"), FileError, "not valid XML"),
    row("SAFE entity bomb", safe_xml(BOMB), FileError, "not valid XML"),
    row("SAFE external entity", safe_xml(XXE), FileError, "not valid XML"),
    row("SAFE without scale", mtd("BOA_QUANTIFICATION", "X"), FileError, "no BOA_QUANTIFICATION"),
    row("SAFE scale is text", mtd('"none">10000<', '"none">many<'), FileError, "'many'"),
    row("SAFE scale is 0", mtd('"none">10000<', '"none">0<'), FileError, "'0'"),
    row("SAFE scale is NaN", mtd('"none">10000<', '"none">nan<'), FileError, "'nan'"),
    row("SAFE offset of band 13", mtd('id="12">-1000', 'id="13">-1000'), FileError, "band_id '13'"),
    row("SAFE offset is text", mtd('id="12">-1000', 'id="12">some'), FileError, "'some'"),
    row("SAFE without sun", tile_xml("Mean_Sun_Angle", "Sun"), FileError, "Mean_Sun_Angle"),
    row("SAFE in two CRS", moved(epsg=32633), GridError, "EPSG:32633"),
    row("SAFE half a pixel off", moved(west=300_010), GridError, "0.50 pixels"),
    row("SAFE of two sizes", resized("B11", 20, (3, 12)), GridError, "12 x 3"),
    row("SAFE not divisible", resized("B08", 10, (11, 23)), GridError, "multiple of 2"),
    row("SAFE at 15 m", lambda m: m.safe(), UsageError, "10, 20 or 60", resolution_m=15),
]

LANDSAT = [
    row("MTL is no JSON", mtl('{"LANDSAT_METADATA_FILE"', "{"), FileError, "cannot be parsed"),
    row("MTL without groups", mtl('"LANDSAT_METADATA_FILE"', '"X"'), FileError, "cannot be parsed"),
    row("Collection 1", mtl('_NUMBER": "02"', '_NUMBER": "01"'), FileError, "Collection 2"),
    row("MTL lacks a scale", mtl("REFLECTANCE_MULT_BAND_3", "X"), FileError, "_MULT_BAND_3"),
    row("MTL scale is text", mtl('"2.75e-05"', '"x"'), FileError, "'x'"),
    row("MTL path", mtl('BAND_3": "LC08_L2', 'BAND_3": "../LC08_L2'), FileError, "a plain name"),
    row("Landsat 3", mtl('"LANDSAT_8"', '"LANDSAT_3"'), BandError, "LANDSAT_3"),
    row("lacks a band", lambda m: m.without(m.landsat(), "*SR_B3.TIF"), FileError, "is missing"),
    row("lacks QA", lambda m: m.without(m.landsat(), "*QA_PIXEL.TIF"), FileError, "is missing"),
    row("two scenes", two_scenes, FileError, "2 scenes"),
    row("Landsat band cut", lambda m: m.cut_one(m.landsat(), "*SR_B3.TIF"), *DAMAGED),
    row("Landsat band is a VRT", landsat_vrt, FileError, "GDAL VRT"),
    row("another size", landsat_band(NOISE[:1], crs="EPSG:32618"), GridError, "64 x 64"),
    row("another CRS", landsat_band(NOISE[:1]), GridError, "EPSG:32633"),
    row("two bands a file", landsat_band(NOISE[:2]), FileError, "2 bands"),
    row("8-bit band", landsat_band(U8[:1]), FileError, "uint8"),
]

BANDS = [
    row("no wavelengths", lambda m: m.tif(FLOAT), BandError, "--bands"),
    row("one lacks", one_wavelength_lacks, BandError, "1 of its 3 bands (band_3)"),
    row("text", lambda m: m.tif(FLOAT, nm=["blue", 560, 665]), BandError, "'blue'"),
    row("nm called um", lambda m: m.tif(FLOAT, nm=NM, units="um"), BandError, "'490' um"),
    row("um called nm", lambda m: m.tif(FLOAT, nm=[0.49, 0.56, 0.66]), BandError, "'0.49' nm"),
    row("unknown unit", lambda m: m.tif(FLOAT, nm=NM, units="furlong"), BandError, "furlong"),
    row("negative", lambda m: m.tif(FLOAT, nm=[-490, 560, 665]), BandError, "'-490'"),
    row("all zero", lambda m: m.tif(FLOAT, nm=[0, 0, 0]), BandError, "no wavelength"),
    row("twice", lambda m: m.tif(FLOAT, names=["B02", "B02", "B03"]), BandError, "occur twice"),
    row("--bands twice", lambda m: m.tif(FLOAT), BandError, "occur twice", bands="red,red,nir"),
    row("--bands short", lambda m: m.tif(FLOAT), BandError, "names 2 bands", bands="red,nir"),
    row("--bands word", lambda m: m.tif(FLOAT), BandError, "'plaid'", bands="red,nir,plaid"),
    row("--bands number", lambda m: m.tif(FLOAT), BandError, "'99999'", bands="490,560,99999"),
    row("--sensor", lambda m: m.tif(FLOAT), UsageError, "no sensor called 'eye'", sensor="eye"),
    row("radar", lambda m: m.tif(-10 * FLOAT[:2], names=["VV", "VH"]), BandError, "radar"),
    row("complex", lambda m: m.tif(FLOAT.astype("complex64"), nm=NM), BandError, "complex64"),
]

VALUES = [
    row("integers", lambda m: m.tif(NOISE, nm=NM), BandError, "--scale 1e-4"),
    row("0 to 10000 in float", lambda m: m.tif(FLOAT * 1e4, nm=NM), BandError, "--scale 1e-4"),
    row("8-bit picture", lambda m: m.tif(U8, nm=NM), BandError, "8 bits"),
    row("--scale 0", lambda m: m.tif(NOISE, nm=NM), ValueRangeError, "scale", scale=0.0),
    row("thermal", thermal_without_scale, BandError, "thermal band band_3"),
    row("grid", lambda m: m.tif(FLOAT, nm=NM), UsageError, "--resolution", resolution_m=10),
]


@pytest.mark.parametrize(
    ("make", "options", "error", "message"), [*FILES, *SAFE, *LANDSAT, *BANDS, *VALUES]
)
def test_fault(maker, make, options, error, message):
    path = make(maker)
    with pytest.raises(KumosanError) as caught:
        read(path, **options)
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert caught.value.exit_code == (2 if error is UsageError else 3)
    assert caught.value.remedy


MASK = np.zeros((1, 64, 64), np.uint8)
EAST = Affine(30, 0, 300_015, 0, -30, 5_000_000)
SOUTH_UP = Affine(30, 0, 300_000, 0, 30, 5_000_000)
MASKS = [
    row("codes", lambda m: m.mask(MASK + 7), ValueRangeError, "mask codes [7]"),
    row("dtype", lambda m: m.mask(MASK.astype("int16")), ValueRangeError, "int16"),
    row("three bands", lambda m: m.mask(np.repeat(MASK, 3, 0)), BandError, "3 bands"),
    row("another size", lambda m: m.mask(MASK[:, :32]), GridError, "64 x 32"),
    row("another CRS", lambda m: m.mask(MASK, crs="EPSG:32634"), GridError, "EPSG:32634"),
    row("half a pixel off", lambda m: m.mask(MASK, transform=EAST), GridError, "0.50 pixels"),
    row("south-up", lambda m: m.mask(MASK, transform=SOUTH_UP), GridError, "shifted"),
    row("empty", lambda m: m.bytes(b"", "mask.tif"), FileError, "zero bytes"),
]


@pytest.mark.parametrize(("make", "options", "error", "message"), MASKS)
def test_mask_fault(maker, make_tif, make, options, error, message):
    tile = read(make_tif(FLOAT, nm=NM))
    with pytest.raises(error) as caught:
        read_mask(make(maker), tile, **options)
    assert message in str(caught.value)


def test_a_mask_without_a_grid_takes_the_scenes(make_tif):
    tile = read(make_tif(FLOAT, nm=NM))
    mask = read_mask(make_tif(MASK, "mask.tif", crs=None, transform=None), tile)
    assert (mask.crs, mask.transform) == (tile.crs, tile.transform)


def test_a_mask_alone(make_tif):
    classes = MASK.copy()
    classes[0, 0, :5] = 0, 1, 2, 3, 255
    mask = read_mask(make_tif(classes, "mask.tif"))
    assert mask.classes[0, :5].tolist() == [0, 1, 2, 3, 255]
    assert mask.crs.to_epsg() == 32633

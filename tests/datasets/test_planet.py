"""PlanetScope scenes made to the published structure, and what is said of damaged ones."""

import json
import pickle
import shutil
from datetime import datetime, timezone

import numpy as np
import pytest
import rasterio
from affine import Affine

from kumosan.datasets import open_scene, read, write_tile
from kumosan.datasets.errors import BandError, FileError, GridError
from kumosan.datasets.planet import Udm2Bit, open_planet
from kumosan.detection import detect

ID = "20230401_101010_12_24a5"
GRID = Affine(3, 0, 500_000, 0, -3, 5_000_000)
XML = """<?xml version="1.0" encoding="UTF-8"?>
<ps:EarthObservation xmlns:gml="http://www.opengis.net/gml"
    xmlns:eop="http://earth.esa.int/eop" xmlns:opt="http://earth.esa.int/opt"
    xmlns:ps="http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level">
  <gml:using><eop:EarthObservationEquipment>
    <eop:platform><eop:Platform><eop:shortName>PlanetScope</eop:shortName>
      <eop:serialIdentifier>24a5</eop:serialIdentifier></eop:Platform></eop:platform>
    <eop:instrument><eop:Instrument><eop:shortName>PSB.SD</eop:shortName>
      </eop:Instrument></eop:instrument>
    <eop:acquisitionParameters><ps:Acquisition>
      <opt:illuminationAzimuthAngle uom="deg">151.5</opt:illuminationAzimuthAngle>
      <opt:illuminationElevationAngle uom="deg">48.25</opt:illuminationElevationAngle>
      <ps:acquisitionDateTime>2023-04-01T10:10:10.123456+00:00</ps:acquisitionDateTime>
    </ps:Acquisition></eop:acquisitionParameters>
  </eop:EarthObservationEquipment></gml:using>
</ps:EarthObservation>
"""


def tif(path, data, transform=GRID, crs="EPSG:32633", **more):
    n, h, w = data.shape
    more |= {"count": n, "height": h, "width": w, "dtype": data.dtype}
    with rasterio.open(path, "w", driver="GTiff", transform=transform, crs=crs, **more) as ds:
        ds.write(data)
    return path


def planes(shape=(2, 4)):
    """UDM2 of one row a case: clear, snow, shadow, light haze / heavy haze, cloud, blackfill."""
    out = np.zeros((8, *shape), np.uint8)
    for band, at in enumerate([(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1)]):
        out[band][at] = 1
    out[6] = 90
    out[7][1, 2] = 1  # blackfill
    out[7][1, 3] = 2  # the old mask's cloud bit alone
    return out


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / ID
    path.mkdir()
    data = np.arange(1, 65, dtype=np.uint16).reshape(8, 2, 4) * 100
    data[:, 0, 3] = 0
    tif(path / f"{ID}_3B_AnalyticMS_SR_8b.tif", data, nodata=0)
    tif(path / f"{ID}_3B_udm2.tif", planes())
    (path / f"{ID}_3B_AnalyticMS_8b_metadata.xml").write_text(XML)
    return path


def test_a_folder(folder):
    scene = open_scene(folder)
    assert scene.bands.names == (
        "coastal_blue", "blue", "green_i", "green", "yellow", "red", "rededge", "nir",
    )  # fmt: skip
    acquired = scene.acquired
    assert (acquired.sensor, acquired.level) == ("superdove", "SR")
    assert acquired.time == datetime(2023, 4, 1, 10, 10, 10, 123456, timezone.utc)
    assert (acquired.sun_zenith_deg, acquired.sun_azimuth_deg) == (41.75, 151.5)
    tile = pickle.loads(pickle.dumps(scene)).read()
    assert tile.data[1, 0, 0] == pytest.approx(0.09)  # stored 900
    assert np.isnan(tile.data[:, 0, 3]).all()  # nodata
    assert np.isnan(tile.data[:, 1, 2]).all()  # blackfill
    assert tile.stored[7, 1, 2] == 6300
    assert int(np.isnan(tile.data[0]).sum()) == 2


def test_the_mask_is_packed_by_plane(folder):
    quality = read(folder).quality
    assert quality.scheme == "udm2"
    assert quality.codes.tolist() == [[1, 2, 4, 8], [16, 32, 128, 0]]
    assert Udm2Bit.CLOUD == 32 and Udm2Bit.BLACKFILL == 128
    mask = detect(read(folder), "udm2")
    assert mask.classes.tolist() == [[0, 0, 3, 255], [2, 1, 255, 0]]


def test_a_window_and_some_bands(folder):
    scene = open_scene(folder)
    window = rasterio.windows.Window(1, 1, 2, 1)
    tile = scene.read(window, scene.bands.locate(scene.bands[5:6]))
    whole = scene.read()
    np.testing.assert_array_equal(tile.data[0], whole.data[5, 1:2, 1:3])
    np.testing.assert_array_equal(tile.quality.codes, whole.quality.codes[1:2, 1:3])
    assert tile.transform == Affine(3, 0, 500_003, 0, -3, 4_999_997)


def four(folder, instrument="PS2", **item):
    """The folder as a 4-band scene with JSON metadata."""
    for p in folder.iterdir():
        p.unlink()
    tif(folder / f"{ID}_3B_AnalyticMS_SR_clip.tif", np.full((4, 2, 4), 500, np.uint16))
    properties = {
        "instrument": instrument, "acquired": "2019-05-06T07:08:09Z",
        "sun_elevation": 30, "sun_azimuth": 100.5,
    } | item  # fmt: skip
    (folder / f"{ID}_metadata.json").write_text(json.dumps({"properties": properties}))
    return folder


@pytest.mark.parametrize(
    ("instrument", "sensor", "nir"),
    [("PS2", "dove-classic", 820), ("PS2.SD", "dove-r", 867), ("PSB.SD", "superdove", 865.5)],
)
def test_four_bands_by_instrument(folder, instrument, sensor, nir):
    tile = read(four(folder, instrument))
    assert tile.bands.names == ("blue", "green", "red", "nir")
    assert tile.bands[3].center_nm == nir
    assert tile.acquired.sensor == sensor
    assert tile.acquired.sun_zenith_deg == 60
    assert tile.quality is None
    assert tile.data[0, 0, 0] == pytest.approx(0.05)


@pytest.mark.parametrize("instrument", ["PS2", "PS2.SD", "PSB.SD"])
def test_a_written_scene_is_read_as_what_it_was(folder, tmp_path, instrument):
    tile = read(four(folder, instrument))
    write_tile(tmp_path / "out.tif", tile)
    again = read(tmp_path / "out.tif")
    assert again.acquired == tile.acquired
    assert again.bands == tile.bands
    np.testing.assert_array_equal(again.stored, tile.stored)


def test_eight_bands_without_metadata_and_mask(folder):
    image = next(folder.glob("*_8b.tif"))
    for p in folder.iterdir():
        if p != image:
            p.unlink()
    tile = read(image)
    assert tile.acquired.sensor == "superdove"
    assert tile.acquired.time is None and tile.quality is None


def test_four_bands_without_metadata_ask_for_wavelengths(folder):
    image = next(four(folder).glob("*.tif"))
    next(folder.glob("*.json")).unlink()
    with pytest.raises(BandError, match="--sensor"):
        read(image)
    tile = read(image, sensor="dove-r", bands="blue,green,red,nir", scale=1e-4)
    assert tile.data[0, 0, 0] == pytest.approx(0.05)


def change(folder, pattern, old, new):
    path = next(folder.glob(pattern))
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return folder


def remade(folder, pattern, data, **grid):
    tif(next(folder.glob(pattern)), data, **grid)
    return folder


def emptied(folder, pattern, content=b""):
    next(folder.glob(pattern)).write_bytes(content)
    return folder


def copied(folder, pattern, name):
    shutil.copy(next(folder.glob(pattern)), folder / name)
    return folder


def renamed(folder, pattern, name):
    next(folder.glob(pattern)).rename(folder / name)
    return folder


def only_json_removed(folder):
    next(four(folder).glob("*.json")).unlink()
    return folder


SR, MASK = "*_SR_8b.tif", "*_udm2.tif"
FAULTS = [
    ("radiance only", lambda f: renamed(f, SR, f"{ID}_3B_AnalyticMS_8b.tif"), FileError, "order"),
    ("two scenes", lambda f: copied(f, SR, "20200101_3B_AnalyticMS_SR_8b.tif"), FileError, "2 "),
    ("empty image", lambda f: emptied(f, SR), FileError, "zero bytes"),
    ("cut image", lambda f: emptied(f, SR, b"II*\x00\x08\x00"), FileError, "damaged"),
    ("VRT", lambda f: emptied(f, SR, b"<VRTDataset/>"), FileError, "VRT"),
    ("4 in 8b", lambda f: remade(f, SR, np.ones((4, 2, 4), np.uint16)), BandError, "4 bands"),
    ("8-bit", lambda f: remade(f, SR, np.ones((8, 2, 4), np.uint8)), BandError, "uint8"),
    ("old mask", lambda f: remade(f, MASK, planes()[:1]), BandError, "1 bands"),
    ("mask's size", lambda f: remade(f, MASK, planes((3, 4))), GridError, "4 x 3"),
    (
        "mask shifted by half a pixel",
        lambda f: remade(f, MASK, planes(), transform=Affine(3, 0, 500_001.5, 0, -3, 5_000_000)),
        GridError, "0.50 pixels",
    ),
    ("mask's CRS", lambda f: remade(f, MASK, planes(), crs="EPSG:32634"), GridError, "32634"),
    ("two masks", lambda f: copied(f, MASK, f"{ID}_3B_udm2_clip.tif"), FileError, "2 masks"),
    ("broken XML", lambda f: emptied(f, "*.xml", b"<a>"), FileError, "not valid XML"),
    (
        "entities",
        lambda f: emptied(f, "*.xml", b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'),
        FileError, "not valid XML",
    ),
    ("no angle", lambda f: change(f, "*.xml", "AzimuthAngle", "X"), FileError, "AzimuthAngle"),
    ("angle", lambda f: change(f, "*.xml", "48.25", "nan"), FileError, "elevation 'nan'"),
    ("sun below", lambda f: change(f, "*.xml", "48.25", "148"), FileError, "elevation 148"),
    ("time", lambda f: change(f, "*.xml", "2023-04-01T", "yesterday"), FileError, "yesterday"),
    ("instrument", lambda f: change(f, "*.xml", "PSB.SD", "PS2"), BandError, "instrument PS2"),
    ("no metadata", only_json_removed, FileError, "metadata"),
    ("JSON", lambda f: emptied(four(f), "*.json", b"[]"), FileError, "not a scene's metadata"),
    ("JSON lacks", lambda f: four(f, acquired=None), FileError, "no acquired"),
    ("JSON text", lambda f: four(f, sun_elevation="high"), FileError, "'high'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "error", "message"), [pytest.param(*row[1:], id=row[0]) for row in FAULTS]
)
def test_faults(folder, make, error, message):
    with pytest.raises(error) as caught:
        open_scene(make(folder)).read()
    assert type(caught.value) is error
    assert message in str(caught.value)
    assert caught.value.exit_code == 3


def test_a_file_of_another_name(tmp_path):
    with pytest.raises(FileError, match="AnalyticMS_SR"):
        open_planet(tif(tmp_path / "a.tif", np.ones((8, 2, 2), np.uint16)))
    with pytest.raises(FileError, match="samples"):
        path = tif(tmp_path / "a_AnalyticMS_SR_8b.tif", np.ones((8, 2, 2), np.uint16))
        open_scene(path, max_pixels=31).read()

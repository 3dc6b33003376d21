"""Where the bands of a file come from, and what is filled in from the sensor tables."""

import math

import numpy as np
import pytest

from kumosan.datasets import read
from kumosan.datasets.errors import BandError, UsageError
from kumosan.datasets.families import family_of_names, origin

FLOAT = np.full((3, 2, 2), 0.2, np.float32)
S2 = ["B02", "B03", "B04"]


def centers(tile):
    return [b.center_nm for b in tile.bands]


@pytest.mark.parametrize("units", ["nm", "Nanometers", None])
def test_nanometres_from_band_tags(make_tif, units):
    tile = read(make_tif(FLOAT, nm=[490, 560, 665], units=units))
    assert centers(tile) == [490, 560, 665]
    assert tile.bands.names == ("band_1", "band_2", "band_3")


@pytest.mark.parametrize("units", ["um", "µm", "Micrometers", None])
def test_micrometres_from_band_tags(make_tif, units):
    tags = [{"fwhm": "0.065"}, {"fwhm": "0.035"}, {"fwhm": "0.031"}]
    tile = read(make_tif(FLOAT, nm=[0.49, 0.56, 0.665], units=units, band_tags=tags))
    assert centers(tile) == pytest.approx([490, 560, 665])
    assert [b.fwhm_nm for b in tile.bands] == pytest.approx([65, 35, 31])


def test_envi_lists_with_bad_bands_and_zeros(make_tif):
    data = np.full((5, 2, 2), 0.2, np.float32)
    envi = {
        "wavelength": "{2200, 0, 1400, 660, 480}",
        "wavelength_units": "Nanometers",
        "fwhm": "{10, 10, 10, 9, 8}",
        "bbl": "{1, 1, 0, 1, 1}",
    }
    tile = read(make_tif(data, envi=envi))
    assert [b.kind for b in tile.bands] == [
        *("reflective", "other", "other"), *("reflective", "reflective"),
    ]  # fmt: skip
    assert math.isnan(tile.bands[1].center_nm)
    assert tile.bands[4].fwhm_nm == 8
    assert tile.optical == (0, 3, 4)  # descending order is kept


def test_band_tags_come_before_envi_lists(make_tif):
    envi = {"wavelength": "{1000, 1100, 1200}", "wavelength_units": "nm"}
    assert centers(read(make_tif(FLOAT, nm=[490, 560, 665], envi=envi))) == [490, 560, 665]


def test_imagery_domain(make_tif):
    import rasterio

    path = make_tif(FLOAT)
    with rasterio.open(path, "r+") as ds:
        for i, (um, width) in enumerate([(0.49, 0.06), (0.56, 0.04), (2.2, 0.2)], 1):
            ds.update_tags(i, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=um, FWHM_UM=width)
    tile = read(path)
    assert centers(tile) == pytest.approx([490, 560, 2200])
    assert [b.fwhm_nm for b in tile.bands] == pytest.approx([60, 40, 200])


def test_names_that_only_sentinel_2_has(make_tif):
    tile = read(make_tif(FLOAT, names=["B04", "B8A", "B02"]))  # any order
    assert centers(tile) == [664.6, 864.7, 492.7]
    assert [b.gsd_m for b in tile.bands] == [10, 20, 10]
    assert tile.acquired.sensor == "sentinel-2"  # A, B or C is not known


@pytest.mark.parametrize(
    ("name", "tags", "key", "blue"),
    [
        ("S2B_scene.tif", {}, "sentinel-2b", 492.4),
        ("scene.tif", {"SPACECRAFT_NAME": "Sentinel-2C"}, "sentinel-2c", 489.0),
        ("LC09_scene.tif", {}, "landsat-9", 560.9),  # B3 of Landsat is green
        ("scene.tif", {"SENSOR": "Landsat 8 OLI/TIRS"}, "landsat-8", 561.3),
        ("scene.tif", {"platform": "LANDSAT_9"}, "landsat-9", 560.9),
    ],
)
def test_the_sensor_from_tags_and_file_names(make_tif, name, tags, key, blue):
    names = ["B2", "B4", "B5"] if key.startswith("sentinel") else ["B3", "B4", "B5"]
    tile = read(make_tif(FLOAT, name, names=names, tags=tags))
    assert tile.acquired.sensor == key
    assert tile.bands[0].center_nm == blue


def test_a_known_sensor_fills_width_and_pixel_size_but_keeps_the_files_centre(make_tif):
    path = make_tif(
        FLOAT, names=["B2", "B5", "B10"], nm=[482, 864.7, 10895], tags={"SENSOR": "Landsat 8"}
    )
    with pytest.raises(BandError, match="thermal"):
        read(path)  # 0.2 is no temperature
    data = FLOAT.copy()
    data[2] = 290
    path = make_tif(
        data, names=["B2", "B5", "B10"], nm=[482, 864.7, 10895], tags={"SENSOR": "Landsat 8"}
    )
    bands = read(path).bands
    assert [(b.center_nm, b.fwhm_nm, b.gsd_m) for b in bands] == [
        (482, 60.1, 30), (864.7, 28.2, 30), (10895, 590, 100),
    ]  # fmt: skip
    assert bands[2].kind == "thermal"


def test_unknown_width_is_6_percent_but_no_more_than_the_spacing(make_tif):
    bands = read(make_tif(FLOAT, nm=[500, 505, 2200])).bands
    assert [b.fwhm_nm for b in bands] == pytest.approx([5, 5, 132])


def test_names_in_nanometres(make_tif):
    assert centers(read(make_tif(FLOAT, names=["HC_452", "HC_670", "HC_827"]))) == [452, 670, 827]


@pytest.mark.parametrize("bands", ["blue,green,red", "490,560,665", "0.49, 0.56, 0.665"])
def test_the_users_list(make_tif, bands):
    tile = read(make_tif(FLOAT), bands=bands)
    assert centers(tile) == pytest.approx([482, 560, 657] if "blue" in bands else [490, 560, 665])


def test_the_users_list_replaces_what_the_file_says(make_tif):
    path = make_tif(FLOAT, nm=[490, 560, 665])
    tile = read(path, bands="665,other,490")
    assert [b.kind for b in tile.bands] == ["reflective", "other", "reflective"]
    assert tile.optical == (0, 2)


def test_the_users_sensor_names_bands(make_tif):
    assert centers(read(make_tif(FLOAT, names=["B2", "B3", "B4"]), sensor="landsat-9")) == [
        *(482.3, 560.9), 654.3,
    ]  # fmt: skip
    assert centers(read(make_tif(FLOAT), sensor="sentinel-2a", bands="B02,B8A,B12")) == [
        *(492.7, 864.7), 2202.4,
    ]  # fmt: skip


def test_the_users_sensor_and_a_whole_set_of_unnamed_bands(make_tif):
    data = np.full((12, 2, 2), 0.2, np.float32)
    tile = read(make_tif(data), sensor="sentinel-2b")
    assert tile.bands.names[8:] == ("B8A", "B09", "B11", "B12")
    assert tile.bands[11].center_nm == 2185.7


def test_layers_that_are_no_bands(make_tif):
    data = np.full((6, 2, 2), 1, np.float32) * 0.3
    names = [*S2, "SCL", "dataMask", "AOT"]
    tile = read(make_tif(data, names=names))
    assert [b.kind for b in tile.bands[3:]] == ["other"] * 3
    assert tile.optical == (0, 1, 2)


def test_alpha_is_no_band(make_tif):
    data = np.full((4, 2, 2), 0.3, np.float32)
    tile = read(make_tif(data, names=[*S2, "mask of mine"], photometric="RGB", alpha="YES"))
    assert tile.bands[3].kind == "other"


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (["B02", "B03"], "sentinel-2"),
        (["B2", "B8A", "B12"], "sentinel-2"),
        (["SR_B2", "SR_B6"], "landsat-8/9"),
        (["ST_B10"], "landsat-8/9"),
        (["SR_B2", "SR_B4"], None),  # NIR on Landsat 5, red on Landsat 8
        (["B2", "B3", "B4"], None),
        (["B11", "B12"], None),
        (["coastal_blue", "blue", "green_i"], "superdove"),
        (["blue", "green", "red", "nir"], None),
        ([], None),
    ],
)
def test_families_by_names(names, family):
    assert family_of_names(names) == family


def test_an_unknown_sensor_in_the_tags_stops_guesses_by_name():
    assert origin({"SENSOR": "ALOS AVNIR-2"}, "", ["B02", "B03"]).family is None


@pytest.mark.parametrize(
    ("count", "names", "proposal"),
    [
        (4, None, "--bands blue,green,red,nir"),
        (13, None, "--sensor sentinel-2a"),
        (4, ["B2", "B3", "B4", "B5"], "--sensor sentinel-2a or --sensor landsat-8"),
        (3, ["B2", "B3", "B12"], "--sensor sentinel-2a"),
        (3, ["red", "green", "nir"], "--bands red,green,nir"),
        (5, None, "--bands 490,560,665,842"),
    ],
)
def test_nothing_known_is_refused_with_a_proposal(make_tif, count, names, proposal):
    path = make_tif(np.full((count, 2, 2), 0.2, np.float32), names=names)
    with pytest.raises(BandError) as e:
        read(path)
    assert proposal in e.value.remedy


def test_an_unknown_sensor_of_the_user_is_a_usage_error(make_tif):
    with pytest.raises(UsageError, match="sentinel-2a"):
        read(make_tif(FLOAT), sensor="spot")

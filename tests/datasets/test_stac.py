"""STAC items with local files: bands, scaling, stacks, and which addresses are not followed."""

import copy
import json
import pickle
import socket
import sys
from datetime import datetime, timezone

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.windows import Window

from kumosan.datasets import from_stac, from_xarray, open_scene, read
from kumosan.datasets.errors import (
    BandError,
    FileError,
    GridError,
    MissingExtraError,
    UsageError,
)
from kumosan.datasets.hrefs import checked_href, is_public
from kumosan.datasets.remote_file import RemoteFile
from kumosan.datasets.stac import matches, open_stac

pystac = pytest.importorskip("pystac")
pytest.importorskip("odc.stac")

GRID = Affine(10, 0, 500_000, 0, -10, 5_000_000)
SCHEMAS = "https://stac-extensions.github.io"
BOX = [14.999, 45.150, 15.003, 45.154]
NM = {"blue": (0.49, 0.065), "green": (0.56, 0.035), "red": (0.665, 0.031)}


def tif(path, data, transform=GRID, **more):
    n, h, w = data.shape
    more = {"crs": "EPSG:32633", "nodata": 0} | more
    with rasterio.open(
        path, "w", driver="GTiff", count=n, height=h, width=w, dtype=data.dtype,
        transform=transform, **more,
    ) as ds:  # fmt: skip
        ds.write(data)


def counts(seed=0, n=1, size=12):
    data = np.random.default_rng(seed).integers(1, 9000, (n, size, size)).astype(np.uint16)
    data[:, 0, 0] = 0
    return data


def asset(name, version):
    center, width = NM[name]
    base = {"href": f"./{name}.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]}
    if version == "1.1.0":
        row = {
            "name": name, "eo:center_wavelength": center, "eo:full_width_half_max": width,
            "raster:scale": 1e-4, "raster:offset": -0.1,
        }  # fmt: skip
        return base | {"bands": [row], "nodata": 0, "data_type": "uint16"}
    eo = {"name": name, "center_wavelength": center, "full_width_half_max": width}
    raster = {"scale": 1e-4, "offset": -0.1, "nodata": 0, "data_type": "uint16"}
    return base | {"eo:bands": [eo], "raster:bands": [raster]}


def item_dict(version="1.0.0", day=1, **properties):
    extensions = ["eo/v1.1.0", "raster/v1.1.0", "view/v1.0.0", "projection/v1.1.0"]
    if version == "1.1.0":
        extensions = ["eo/v2.0.0", "raster/v2.0.0", "view/v1.0.0", "projection/v2.0.0"]
    w, s, e, n = BOX
    return {
        "type": "Feature", "stac_version": version, "id": f"item_{day}",
        "stac_extensions": [f"{SCHEMAS}/{x}/schema.json" for x in extensions],
        "geometry": {
            "type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]
        },
        "bbox": BOX, "links": [], "collection": "sentinel-2-l2a",
        "properties": {
            "datetime": f"2023-04-0{day}T10:10:10Z", "platform": "sentinel-2a",
            "view:sun_elevation": 48.25, "view:sun_azimuth": 151.5, "proj:epsg": 32633,
            "proj:code": "EPSG:32633", "proj:shape": [12, 12], "proj:transform": list(GRID[:6]),
        } | properties,
        "assets": {name: asset(name, version) for name in NM},
    }  # fmt: skip


@pytest.fixture
def make(tmp_path):
    """An item of three files in its own folder; ``change`` edits its content first."""

    def build(change=None, version="1.0.0", day=1, **properties):
        folder = tmp_path / f"item_{day}"
        folder.mkdir(exist_ok=True)
        for i, name in enumerate(NM):
            tif(folder / f"{name}.tif", counts(10 * day + i))
        content = item_dict(version, day, **properties)
        if change is not None:
            content = change(content) or content
        path = folder / "item.json"
        path.write_text(json.dumps(content))
        return path

    return build


@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_an_item_as_a_scene(make, version):
    path = make(version=version)
    assert matches(path)
    scene = pickle.loads(pickle.dumps(open_scene(path)))
    assert [(b.name, b.center_nm, b.fwhm_nm) for b in scene.bands] == [
        ("blue", 490, 65), ("green", 560, 35), ("red", 665, 31),
    ]  # fmt: skip
    a = scene.acquired
    assert (a.sensor, a.level, a.sun_zenith_deg, a.sun_azimuth_deg) == (
        "sentinel-2a", "SR", 41.75, 151.5,
    )  # fmt: skip
    assert a.time == datetime(2023, 4, 1, 10, 10, 10, tzinfo=timezone.utc)
    tile = scene.read()
    np.testing.assert_allclose(tile.data[1, 3, 4], counts(11)[0, 3, 4] * 1e-4 - 0.1, atol=1e-6)
    assert np.isnan(tile.data[:, 0, 0]).all() and np.isnan(tile.data).sum() == 3
    assert tile.crs.to_epsg() == 32633 and tile.transform == GRID
    part = scene.read(Window(2, 3, 4, 5), [2, 0])
    np.testing.assert_array_equal(part.data, tile.data[[2, 0], 3:8, 2:6])


def test_a_dictionary_and_a_pystac_item_beside_their_files(make):
    path = make()
    item = pystac.Item.from_file(path)
    np.testing.assert_array_equal(open_stac(item).read().stored, read(path).stored)
    with pytest.raises(FileError, match="relative href"):
        open_stac(json.loads(path.read_text()))
    assert item.assets["red"].href == "./red.tif"  # left as it was


def test_chosen_assets(make):
    assert open_stac(make(), assets=["red", "blue"]).bands.names == ("red", "blue")
    with pytest.raises(BandError, match="no band 'nir'"):
        open_stac(make(), assets=["nir"])


def test_the_offset_is_not_applied_twice(make):
    tile = read(make(**{"earthsearch:boa_offset_applied": True}))
    assert tile.encoding.offset == (0.0, 0.0, 0.0)


def test_several_bands_of_one_file(make):
    def one_file(content):
        rows = [content["assets"][n]["bands"][0] for n in NM]
        content["assets"] = {"all": content["assets"]["red"] | {"bands": rows, "href": "all.tif"}}

    path = make(one_file, version="1.1.0")
    data = counts(5, n=3)
    tif(path.parent / "all.tif", data)
    np.testing.assert_array_equal(read(path).stored, data)
    stack = from_stac([path], ["red", "blue"])
    np.testing.assert_allclose(stack.values[0], read(path).data[[2, 0]], atol=1e-6)


def test_two_pixel_sizes_need_a_choice(make):
    path = make()
    tif(path.parent / "red.tif", counts(3, size=6), Affine(20, 0, 500_000, 0, -20, 5_000_000))
    with pytest.raises(GridError, match="10, 20"):
        open_scene(path)
    assert open_scene(path, resolution_m=20).bands.names == ("red",)
    assert open_scene(path, resolution_m=10).bands.names == ("blue", "green")
    with pytest.raises(GridError, match="10, 20"):
        open_scene(path, resolution_m=60)


def test_layers_without_wavelengths_and_copies_are_left_out(make):
    def more(content):
        assets = content["assets"]
        assets["scl"] = {"href": "scl.tif", "type": "image/tiff", "roles": ["data"]}
        assets["visual"] = copy.deepcopy(assets["red"]) | {"roles": ["visual"]}
        assets["red-jp2"] = copy.deepcopy(assets["red"]) | {"href": "r.jp2", "type": "image/jp2"}
        content["assets"] = dict(reversed(assets.items()))

    assert set(open_scene(make(more)).bands.names) == set(NM)


def test_names_of_a_known_platform_need_no_wavelengths(make):
    def plain(content):
        red = content["assets"]["red"]
        red["eo:bands"] = [{"name": "B04"}]
        content["assets"] = {"red": red}

    assert open_scene(make(plain)).bands[0].center_nm == 664.6


# ---- Faults ----


def put(key, value, name="red"):
    def change(content):
        content["assets"][name][key] = value

    return change


def raster(**values):
    return put("raster:bands", [values])


def spectral(**values):
    return put("eo:bands", [{"name": "red"} | values])


FAULTS = [
    ("a collection", lambda c: {"type": "Collection", "stac_version": "1.0.0"}, FileError, "Coll"),
    ("bare", lambda c: {"type": "Feature", "stac_version": "1.0.0"}, FileError, "valid"),
    ("no assets", lambda c: c | {"assets": {}}, BandError, "no image"),
    ("missing file", put("href", "none.tif"), FileError, "not there"),
    ("um as nm", spectral(center_wavelength=665), BandError, "665 um"),
    ("text", spectral(center_wavelength="red"), BandError, "'red'"),
    ("infinite scale", raster(scale="inf"), BandError, "scale of red"),
    ("text as offset", raster(scale=1, offset="a"), BandError, "offset of red"),
    ("no scale", raster(nodata=0), BandError, "without scale"),
    ("nodata", raster(scale=1e-4, nodata="none"), BandError, "nodata of red"),
    ("nodata differs", raster(scale=1e-4, nodata=7), BandError, "types"),
    ("bands of text", put("eo:bands", ["red"]), BandError, "objects"),
    (
        "two bands of one",
        put("eo:bands", [{"name": n, "center_wavelength": c} for n, c in (("a", 0.6), ("b", 0.7))]),
        BandError, "has 1 bands",
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "error", "message"), [pytest.param(*r[1:], id=r[0]) for r in FAULTS]
)
def test_faults_of_items(make, change, error, message):
    with pytest.raises(error) as caught:
        open_scene(make(change)).read()
    assert type(caught.value) is error and message in str(caught.value)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "zero bytes"), (b"II*\x00", "damaged"), (b"<VRTDataset/>", "VRT")],
)
def test_damaged_files(make, content, message):
    path = make()
    (path.parent / "red.tif").write_bytes(content)
    with pytest.raises(FileError, match=message):
        open_scene(path)


def test_files_that_do_not_belong_together(make):
    path = make()
    tif(path.parent / "red.tif", counts(), Affine(10, 0, 500_005, 0, -10, 5_000_000))
    with pytest.raises(GridError, match=r"0\.50 pixels"):
        open_scene(path)
    tif(path.parent / "red.tif", counts().astype(np.float32))
    with pytest.raises(BandError, match="types"):
        open_scene(path)


def test_json_that_is_no_item(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{"stac_version": ')
    with pytest.raises(FileError, match="not valid JSON"):
        open_scene(path)
    path.write_text("{}")
    assert not matches(path) and not matches(tmp_path) and not matches(tmp_path / "b.json")
    with pytest.raises(FileError, match="cannot be read"):
        open_stac(tmp_path / "b.json")


# ---- Addresses ----


@pytest.fixture
def names(monkeypatch):
    """Host names without a network: those listed, numbers as they are."""
    table = {"public.org": ["93.184.216.34"], "inside.org": ["93.184.216.34", "10.0.0.7"]}

    def find(host, port, *args, **more):
        if host not in table and host.replace(".", "").isalpha():
            raise socket.gaierror("unknown")
        return [(2, 1, 6, "", (a, port)) for a in table.get(host, [host])]

    monkeypatch.setattr(socket, "getaddrinfo", find)


REFUSED = [
    "file:///etc/passwd", "FILE:///etc/passwd", "ftp://public.org/a.tif", "gs://bucket/a.tif",
    "data:image/tiff;base64,AAAA", "vsicurl:a", "C:/a.tif", "C:\\a.tif", "//public.org/a.tif",
    "/etc/passwd", "/vsicurl/http://127.0.0.1/a.tif", "/vsizip/a.zip/a.tif",
    "../a.tif", "b/../../a.tif", "%2e%2e/a.tif", "b\\..\\a.tif", "", "a b\n.tif",
    "http://127.0.0.1/a.tif", "http://127.9.9.9:8000/a.tif", "http://[::1]/a.tif",
    "http://169.254.169.254/latest/meta-data", "http://[fe80::1]/a.tif", "http://0.0.0.0/a",
    "http://10.1.2.3/a.tif", "https://172.16.0.1/a.tif", "https://192.168.1.1/a.tif",
    "http://100.64.0.1/a.tif", "http://[fd00::1]/a.tif", "http://[::ffff:127.0.0.1]/a.tif",
    "http://[64:ff9b::7f00:1]/a.tif", "http://[2002:7f00:1::]/a.tif", "http://224.0.0.1/a.tif",
    "https://inside.org/a.tif", "https://user:word@public.org/a.tif", "http:///a.tif",
    "https://public.org:port/a.tif", "http://[::1/a.tif", "s3:///a.tif", "s3://bucket",
    "s3://bucket/../other/a.tif", "s3://Bu_cket@x/a.tif",
]  # fmt: skip


@pytest.mark.parametrize("href", REFUSED)
def test_addresses_that_are_refused(href, tmp_path, names):
    (tmp_path / "item").mkdir()
    tif(tmp_path / "a.tif", counts())
    with pytest.raises(FileError) as caught:
        checked_href(href, tmp_path / "item")
    assert "public host" in str(caught.value)


@pytest.mark.parametrize(
    "href",
    [
        "https://public.org/a/b.tif",
        "http://public.org:8080/b.tif?sig=a%2Fb",
        "s3://my-bucket/a.tif",
    ],
)
def test_addresses_that_are_followed(href, names):
    assert checked_href(href, None) == href


def test_a_host_that_is_not_found(names):
    with pytest.raises(FileError, match="not found"):
        checked_href("https://nowhere.org/a.tif", None)


def test_a_link_that_leaves_the_folder(tmp_path):
    (tmp_path / "item" / "b").mkdir(parents=True)
    tif(tmp_path / "a.tif", counts())
    (tmp_path / "item" / "a.tif").symlink_to(tmp_path / "a.tif")
    with pytest.raises(FileError, match="outside"):
        checked_href("a.tif", tmp_path / "item")
    tif(tmp_path / "item" / "b" / "c.tif", counts())
    assert checked_href("./b/c.tif", tmp_path / "item").name == "c.tif"
    assert checked_href(str(tmp_path / "item" / "b" / "c.tif"), tmp_path / "item").name == "c.tif"


@pytest.mark.parametrize("href", ["file:///etc/passwd", "http://127.0.0.1/a.tif", "../a.tif"])
def test_an_item_with_such_an_address(make, href):
    path = make(put("href", href))
    with pytest.raises(FileError, match="public host"):
        open_scene(path)
    with pytest.raises(FileError, match="public host"):
        from_stac([path])
    assert from_stac([path], ["blue"]).sizes["band"] == 1  # what is not asked for does no harm


def test_public_addresses():
    assert is_public("8.8.8.8") and is_public("2606:2800:220:1:248:1893:25c8:1946")
    assert not is_public("fe80::1%eth0")


def test_a_remote_file_is_opened_by_a_named_driver(monkeypatch):
    opened = []

    def refuse(name, **options):
        opened.append((name, options["driver"]))
        raise rasterio.errors.RasterioIOError("HTTP response code: 503")

    monkeypatch.setattr(rasterio, "open", refuse)
    for href in ("https://public.org/a.tif?b=c", "s3://bucket/a/b.jp2"):
        with pytest.raises(FileError, match="503"):
            RemoteFile(href).read(Window(0, 0, 1, 1), 1)
    assert opened == [
        ("/vsicurl/https://public.org/a.tif?b=c", "GTiff"),
        ("/vsis3/bucket/a/b.jp2", "JP2OpenJPEG"),
    ]


# ---- Stacks ----


@pytest.mark.parametrize("chunks", [None, {"x": 5, "y": 12}])
@pytest.mark.parametrize("version", ["1.0.0", "1.1.0"])
def test_a_time_stack(make, version, chunks):
    from odc.geo.geobox import GeoBox

    paths = [make(version=version, day=d) for d in (2, 1)]
    box = GeoBox((12, 12), GRID, "EPSG:32633")
    stack = from_stac(paths, ["red", "blue"], geobox=box, chunks=chunks)
    assert stack.dims == ("time", "band", "y", "x") and stack.shape == (2, 2, 12, 12)
    assert stack.dtype == np.float32 and (stack.chunks is None) == (chunks is None)
    first = from_xarray(stack.isel(time=0))
    np.testing.assert_allclose(first.data, read(paths[1]).data[[2, 0]], atol=1e-6)
    assert [b.center_nm for b in first.bands] == [665, 490]
    assert first.transform == GRID and first.crs.to_epsg() == 32633
    assert first.acquired.time == datetime(2023, 4, 1, 10, 10, 10, tzinfo=timezone.utc)
    assert (first.acquired.sensor, first.acquired.level) == ("sentinel-2a", "SR")


def test_a_stack_on_a_box_is_missing_outside(make):
    w, s, e, n = BOX
    stack = from_stac([make()], bbox=(w - 0.002, s, e, n), crs="EPSG:32633", resolution=20)
    assert stack.sizes["band"] == 3
    assert stack.rio.resolution() == (20, -20)
    assert np.isnan(stack.values).any() and np.isfinite(stack.values).any()
    assert np.nanmin(stack.values) >= -0.1 and np.nanmax(stack.values) < 0.81


STACK_FAULTS = [
    ("two scalings", raster(scale=1e-4, offset=0, nodata=0), BandError, "concat"),
    ("no scale", raster(nodata=0), BandError, "red"),
    ("no nodata", raster(scale=1e-4, offset=-0.1), BandError, "red"),
    ("VRT", None, FileError, "VRT"),
]


@pytest.mark.parametrize(
    ("change", "error", "message"), [pytest.param(*r[1:], id=r[0]) for r in STACK_FAULTS]
)
def test_faults_of_stacks(make, change, error, message):
    paths = [make(day=1), make(change, day=2)]
    if change is None:
        (paths[1].parent / "red.tif").write_text("<VRTDataset/>")
    with pytest.raises(error, match=message):
        from_stac(paths)


def test_stacks_of_nothing_or_nowhere(make):
    path = make()
    for none in ([], path, str(path)):
        with pytest.raises(UsageError, match="no list"):
            from_stac(none)


@pytest.mark.parametrize("module", ["pystac", "odc.stac"])
def test_without_the_extra(make, monkeypatch, module):
    path = make()
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"kumosan\[stac\]"):
        from_stac([path])

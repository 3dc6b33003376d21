"""Readers of public data sets, on small files of the same form."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine
from PIL import Image

from kumosan.datasets.errors import KumosanError
from kumosan.datasets.public import (
    RICE,
    SEN12MSCR,
    Cloud38,
    CloudSEN12,
    DrivenData,
    KappaZeta,
    L8Biome,
)

UTM = Affine(30, 0, 300_000, 0, -30, 5_000_000)
PATCH = "patch_1_1_by_1_LC08_L1TP_002053_20160520_20170324_01_T1"
SCENE = "LC80420082013220LGN00"


def tif(path: Path, data, dtype="uint16", transform=UTM, driver="GTiff") -> None:
    data = np.atleast_3d(np.asarray(data, dtype).T).T  # (y, x) or (band, y, x)
    path.parent.mkdir(parents=True, exist_ok=True)
    n, height, width = data.shape
    with rasterio.open(
        path, "w", driver=driver, count=n, height=height, width=width, dtype=dtype,
        crs="EPSG:32633", transform=transform,
    ) as ds:  # fmt: skip
        ds.write(data)


def square(corner: int, rest: int = 5000, shape=(4, 5)):
    """A plane whose first number differs."""
    out = np.full(shape, rest)
    out[0, 0] = corner
    return out


def make_cloud38(root: Path, gt=None, suffix="") -> Path:
    for i, colour in enumerate(("blue", "green", "red", "nir")):
        tif(root / f"train_{colour}{suffix}" / f"{colour}_{PATCH}.TIF", square(0, 10_000 + 500 * i))
    codes = square(255, 0) if gt is None else gt
    codes[1, 1] = 255
    tif(root / f"train_gt{suffix}" / f"gt_{PATCH}.TIF", codes, "uint8")
    return root


@pytest.mark.parametrize("suffix", ["", "_additional_to38cloud"])
def test_38_cloud(tmp_path, suffix):
    data = Cloud38(make_cloud38(tmp_path, suffix=suffix))
    (item,) = data
    assert item.id == PATCH
    assert item.group == "002053"  # path and row
    assert item.tile.bands.names == ("B2", "B3", "B4", "B5")
    # 2e-5 * (10000, 10500, 11000, 11500) - 0.1
    np.testing.assert_allclose(item.tile.data[:, 2, 2], [0.10, 0.11, 0.12, 0.13], atol=1e-6)
    assert item.mask.classes[0, :2].tolist() == [255, 0]  # number 0 is nodata
    assert item.mask.classes[1, 1] == 1
    assert item.labelled == {0, 1}
    assert item.mask.classes.shape == (4, 5)


def make_cloudsen12(root: Path, label=None, npy=False) -> Path:
    root.mkdir(exist_ok=True)
    label = np.array([[[0, 1], [2, 3]], [[0, 0], [0, 0]]], np.int8) if label is None else label
    arrays = {
        f"L1C_B{b}": np.full((2, 2, 2), 1000 + i, np.int16)
        for i, b in enumerate([*range(1, 9), "8A", *range(9, 13)])
    }
    for a in arrays.values():
        a[1, 1] = 0  # padding
    for name, a in arrays.items():
        np.save(root / f"{name}.npy", a) if npy else a.tofile(root / f"{name}.dat")
    np.save(root / "target.npy", label) if npy else label.tofile(root / "LABEL_manual_hq.dat")
    return root


@pytest.mark.parametrize("npy", [False, True])
def test_cloudsen12(tmp_path, npy):
    root = make_cloudsen12(tmp_path, npy=npy)
    (root / "metadata.csv").write_text("index,roi_id\n0,ROI_0007\n1,ROI_0008\n")
    data = CloudSEN12(root, side=2)
    first, second = data
    assert len(data) == 2
    assert first.tile.bands.names[0] == "B01" and first.tile.bands.names[8] == "B8A"
    np.testing.assert_allclose(first.tile.data[:, 0, 0], 0.1 + 1e-4 * np.arange(13), rtol=1e-6)
    assert first.mask.classes.tolist() == [[0, 1], [2, 3]]
    assert second.mask.classes.tolist() == [[0, 0], [255, 255]]
    assert (first.group, second.group) == ("ROI_0007", "ROI_0008")
    assert first.tile.acquired.level == "TOA"


def make_drivendata(root: Path, beside: bool, label=None) -> Path:
    chips = root / "train_features"
    for i, band in enumerate(("B02", "B03", "B04", "B08")):
        tif(chips / "abcd" / f"{band}.tif", square(0, 1000 * (i + 1)))
    place = chips / "abcd" / "label.tif" if beside else root / "train_labels" / "abcd.tif"
    tif(place, square(0, 1) if label is None else label, "uint8")
    return chips


@pytest.mark.parametrize("beside", [True, False])
def test_drivendata(tmp_path, beside):
    chips = make_drivendata(tmp_path, beside)
    (tmp_path / "train_metadata.csv").write_text("chip_id,location\nabcd,Lusaka\n")
    (item,) = DrivenData(chips)
    assert (item.id, item.group) == ("abcd", "Lusaka")
    np.testing.assert_allclose(item.tile.data[:, 1, 1], [0.1, 0.2, 0.3, 0.4], rtol=1e-6)
    assert item.mask.classes[0, 0] == 255 and item.mask.classes[1, 1] == 1
    assert item.labelled == {0, 1}


def make_kappazeta(root: Path, label=None, dtype="uint16") -> Path:
    h5py = pytest.importorskip("h5py")
    label = np.array([[0, 1, 2], [3, 4, 5]], np.uint8) if label is None else label
    with h5py.File(root / "S2A_MSIL1C_20200401_T35VLF_tile_1_2.nc", "w") as f:
        for i, band in enumerate(("B02", "B08", "B8A", "B11")):
            number = 1000 * (i + 1)
            f[band] = np.full(label.shape, number if dtype == "uint16" else number / 65535, dtype)
        f["Label"] = label
        f["AOT"] = np.zeros(label.shape)
    return root


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_kappazeta(tmp_path, dtype):
    (item,) = KappaZeta(make_kappazeta(tmp_path, dtype=dtype))
    assert item.tile.bands.names == ("B02", "B08", "B8A", "B11")
    np.testing.assert_allclose(item.tile.data[:, 0, 0], [0.1, 0.2, 0.3, 0.4], rtol=1e-5)
    assert item.mask.classes.tolist() == [[255, 0, 3], [2, 1, 255]]
    assert item.group == "T35VLF"


MTL = """GROUP = L1_METADATA_FILE
  GROUP = IMAGE_ATTRIBUTES
    SUN_AZIMUTH = 150.5
    SUN_ELEVATION = 30.0
  GROUP = RADIOMETRIC_RESCALING
""" + "".join(
    f"    REFLECTANCE_MULT_BAND_{b} = 2.0000E-05\n    REFLECTANCE_ADD_BAND_{b} = -0.100000\n"
    for b in range(1, 10)
)


def make_biome(root: Path, codes=None, mtl=MTL) -> Path:
    folder = root / "barren" / SCENE
    for b in range(1, 12):
        tif(folder / f"{SCENE}_B{b}.TIF", square(0, 10_000, (6, 5)))
    codes = np.full((6, 5), 128) if codes is None else codes
    tif(folder / f"{SCENE}_fixedmask.img", codes, "uint8", driver="ENVI")
    (folder / f"{SCENE}_MTL.txt").write_text(mtl)
    return root


def test_l8_biome(tmp_path):
    codes = np.full((6, 5), 128)
    codes[5] = [64, 192, 255, 0, 128]
    data = L8Biome(make_biome(tmp_path, codes), size=4)
    assert [n.rpartition("/")[2] for n in data.ids] == ["0_0", "0_1", "2_0", "2_1"]
    first, last = data[0], data[3]
    # (2e-5 * 10000 - 0.1) / sin(30 deg) = 0.2
    np.testing.assert_allclose(first.tile.data[:, 1, 1], 0.2, rtol=1e-6)
    assert first.mask.classes[0, :2].tolist() == [255, 0]
    assert last.mask.classes[3].tolist() == [2, 1, 255, 0]  # columns 1 to 4
    assert last.tile.transform == UTM @ Affine.translation(1, 2)
    assert first.labelled == {0, 1, 2, 3}  # shadow lies elsewhere in the scene
    assert first.group == "042008"
    assert first.tile.acquired.sun_zenith_deg == 60


def test_l8_biome_without_any_shadow(tmp_path):
    assert L8Biome(make_biome(tmp_path), size=6)[0].labelled == {0, 1, 2}


def make_rice(root: Path) -> Path:
    for folder, value in (("cloud", 204), ("label", 51)):
        (root / folder).mkdir()
        for name in ("2", "10"):
            Image.fromarray(np.full((3, 4, 3), value, np.uint8)).save(root / folder / f"{name}.png")
    return root


def test_rice(tmp_path):
    data = RICE(make_rice(tmp_path))
    assert data.ids == ("2", "10")
    item = data[0]
    assert item.mask is None
    assert item.tile.data.shape == (3, 3, 4)
    assert item.tile.data[0, 0, 0] == pytest.approx(0.8)
    assert item.clear.data[0, 0, 0] == pytest.approx(0.2)


def make_sen12mscr(root: Path) -> Path:
    start = "ROIs1158_spring"
    for kind, value in (("s2_cloudy", 5000), ("s2", 1000)):
        path = root / f"{start}_{kind}" / f"{kind}_7" / f"{start}_{kind}_7_p30.tif"
        data = np.full((13, 2, 2), value)
        data[:, 0, 0] = 0
        tif(path, data)
    tif(
        root / f"{start}_s1" / "s1_7" / f"{start}_s1_7_p30.tif", np.full((2, 2, 2), -9.5), "float32"
    )
    return root


def test_sen12ms_cr(tmp_path):
    data = SEN12MSCR(make_sen12mscr(tmp_path))
    (item,) = data
    assert item.tile.data[5, 1, 1] == pytest.approx(0.5)
    assert item.clear.data[5, 1, 1] == pytest.approx(0.1)
    assert not item.tile.valid[0, 0]
    assert item.group == "ROIs1158_spring_7"
    assert data.radar(0).tolist() == np.full((2, 2, 2), -9.5).tolist()


def remove(root: Path, pattern: str) -> None:
    (found,) = root.rglob(pattern)
    found.unlink()


def cut(root: Path, pattern: str, share: float = 0.5) -> None:
    (found,) = root.rglob(pattern)
    content = found.read_bytes()
    found.write_bytes(content[: int(len(content) * share)])


FAULTS = {
    "no folder": (lambda p: Cloud38(p / "no"), "is no folder"),
    "an empty folder": (lambda p: DrivenData(p), "holds no example"),
    "38: unknown code": (lambda p: Cloud38(make_cloud38(p, gt=square(7, 0))), "codes 7"),
    "38: a colour lost": (
        lambda p: (make_cloud38(p), remove(p, "nir_*"), Cloud38(p))[2],
        "no nir",
    ),
    "38: a file cut off": (
        lambda p: (make_cloud38(p), cut(p, "red_*"), Cloud38(p))[2],
        "damaged|lacks",
    ),
    "sen12: unknown code": (
        lambda p: CloudSEN12(make_cloudsen12(p, np.full((2, 2, 2), 4, np.int8)), side=2),
        "codes 4",
    ),
    "sen12: a band cut off": (
        lambda p: (make_cloudsen12(p), cut(p, "L1C_B3.dat", 0.4), CloudSEN12(p, side=2))[2],
        "damaged",
    ),
    "sen12: a shorter band": (
        lambda p: (make_cloudsen12(p), cut(p, "L1C_B3.dat"), CloudSEN12(p, side=2))[2],
        "shape",
    ),
    "sen12: a pickle": (
        lambda p: (
            make_cloudsen12(p, npy=True),
            np.save(p / "target.npy", np.array([{}]), allow_pickle=True),
            CloudSEN12(p, side=2),
        )[2],
        "damaged",
    ),
    "driven: unknown code": (
        lambda p: DrivenData(make_drivendata(p, True, square(2, 0))),
        "codes 2",
    ),
    "driven: label of another size": (
        lambda p: DrivenData(make_drivendata(p, True, square(0, 1, (3, 3)))),
        "3 x 3",
    ),
    "kappa: unknown code": (
        lambda p: KappaZeta(make_kappazeta(p, np.full((2, 2), 6, np.uint8))),
        "codes 6",
    ),
    "kappa: cut off": (
        lambda p: (make_kappazeta(p), cut(p, "*.nc"), KappaZeta(p))[2],
        "damaged",
    ),
    "biome: unknown code": (lambda p: L8Biome(make_biome(p, np.full((6, 5), 1))), "codes 1"),
    "biome: no sun": (
        lambda p: L8Biome(make_biome(p, mtl=MTL.replace("SUN_ELEVATION", "X"))),
        "sun's elevation",
    ),
    "biome: mask of another size": (
        lambda p: L8Biome(make_biome(p, np.full((6, 4), 128))),
        "ends at",
    ),
    "rice: no clear view": (
        lambda p: (make_rice(p), remove(p, "label/2.png"), RICE(p))[2],
        "does not exist",
    ),
    "rice: no picture": (
        lambda p: (make_rice(p), (p / "cloud" / "2.png").write_text("x"), RICE(p))[2],
        "damaged",
    ),
    "cr: no clear view": (
        lambda p: (make_sen12mscr(p), remove(p, "*_s2_7_p30.tif"), SEN12MSCR(p))[2],
        "does not exist",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_bad_files_are_named_in_one_sentence(tmp_path, name):
    make, words = FAULTS[name]
    with pytest.raises(KumosanError, match=words):
        list(make(tmp_path))


def test_a_set_travels_to_a_worker(tmp_path):
    data = pickle.loads(pickle.dumps(DrivenData(make_drivendata(tmp_path, True))))
    assert data[0].id == "abcd"
    assert [i.id for i in data[:1]] == ["abcd"]

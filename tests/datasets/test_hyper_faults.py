"""What goes wrong with imaging spectrometers: one row a case, with what must be said."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from affine import Affine

from kumosan.datasets import desis, emit, enmap, envi, prisma, satellogic
from kumosan.datasets.errors import (
    BandError,
    FileError,
    GridError,
    KumosanError,
    MissingExtraError,
    ValueRangeError,
)

_spec = importlib.util.spec_from_file_location(
    "products_hyper", Path(__file__).with_name("products_hyper.py")
)
made = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(made)

DATA = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
NM = "{490, 560, 665}"


def row(
    name: str,
    make: Callable[[Path], Any],
    error: type[KumosanError],
    message: str,
    **options: Any,
) -> Any:
    """One case: make(folder) returns the path; options go to the open function."""
    return pytest.param(make, options, error, message, id=name)


def cut(path: Path, n_bytes: int) -> Path:
    """Leave away the last ``n_bytes``."""
    path.write_bytes(path.read_bytes()[:-n_bytes])
    return path


def edit(folder: Path, pattern: str, old: str, new: str) -> Path:
    """``folder`` after a text was replaced in its file ``pattern``."""
    path = next(folder.glob(pattern))
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    return folder


def without(folder: Path, pattern: str) -> Path:
    next(folder.glob(pattern)).unlink()
    return folder


def raises(open_: Callable[..., Any], make: Any, tmp_path: Path, options: Any, error: Any) -> str:
    """The message of the error that opening, or else reading, raises."""
    path = make(tmp_path)
    with pytest.raises(KumosanError) as caught:
        open_(path, **options).read()
    assert type(caught.value) is error, caught.value
    assert caught.value.exit_code == 3
    assert caught.value.remedy
    return str(caught.value)


# ---- ENVI ----


def entries(**changed: Any) -> Callable[[Path], Path]:
    """An ENVI file with other header entries; None leaves one out."""
    good = {"wavelength": NM, "reflectance_scale_factor": 1e4}
    return lambda folder: made.write_envi(folder, DATA, **(good | changed))


def gzipped(folder: Path) -> Path:
    path = entries()(folder)
    path.write_bytes(b"\x1f\x8b\x08" + path.read_bytes())
    return path


def packed_beside(folder: Path) -> Path:
    path = entries()(folder)
    path.rename(path.with_name("scene.bsq.gz"))
    return path.with_suffix(".hdr")


def gz_itself(folder: Path) -> Path:
    path = gzipped(folder)
    return path.rename(path.with_name("scene.bsq.gz"))


def two_binaries(folder: Path) -> Path:
    path = entries()(folder)
    (folder / "scene.dat").write_bytes(path.read_bytes())
    return path.with_suffix(".hdr")


def open_brace(folder: Path) -> Path:
    path = entries()(folder)
    path.with_suffix(".hdr").write_text("ENVI\nsamples = {")
    return path


def text_for(path_name: str, text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        (folder / path_name).write_text(text)
        return folder / path_name

    return make


def alone(part: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        path = entries()(folder)
        lost = path if part == ".hdr" else path.with_suffix(".hdr")
        lost.unlink()
        return path.with_suffix(".hdr") if part == ".hdr" else path

    return make


U16 = np.ones((3, 4, 5), np.uint16)
HUGE = {"samples": 1_000_000, "lines": 1_000_000}
ENVI = [
    row("one byte short", lambda f: cut(entries()(f), 1), FileError, "120 bytes, it has 119"),
    row("300 GB declared", entries(**HUGE), FileError, "declares 6000000000000 bytes"),
    row("offset beyond the end", entries(header_offset=8), FileError, "declares 128 bytes"),
    row("empty", entries(bands=0), FileError, "5 x 4 pixels in 0 bands"),
    row("compressed", gzipped, FileError, "unpack it (gunzip)"),
    row("compressed by header", entries(file_compression=1), FileError, "unpack it"),
    row("only .gz beside the header", packed_beside, FileError, "scene.bsq.gz is a compressed"),
    row("the .gz itself", gz_itself, FileError, "unpack it (gunzip)"),
    row("header alone", alone(".hdr"), FileError, "0 binaries"),
    row("binary alone", alone(".bsq"), FileError, "no ENVI header"),
    row("two binaries", two_binaries, FileError, "scene.bsq, scene.dat"),
    row("open brace", open_brace, FileError, "brace"),
    row("no header", text_for("a.hdr", "hello"), FileError, "begin with ENVI"),
    row("missing", lambda f: f / "no.hdr", FileError, "cannot be read"),
    row("samples is text", entries(samples="many"), FileError, "samples 'many'"),
    row("samples negative", entries(samples=-5), FileError, "samples '-5'"),
    row("lacks lines", entries(lines=None), FileError, "lines ''"),
    row("interleave", entries(interleave="tiled"), FileError, "interleave 'tiled'"),
    row("gaps", entries(major_frame_offsets="{0, 8}"), FileError, "major frame offsets"),
    row("complex", entries(data_type=6), BandError, "(complex)"),
    row("unknown type", entries(data_type=77), BandError, "data type 77"),
    row("two wavelengths", entries(wavelength="{490, 560}"), BandError, "2 items in 'wavelength'"),
    row("text", entries(wavelength="{b, g, r}"), BandError, "(b, g, r, ...)"),
    row("NaN", entries(wavelength="{490, nan, 665}"), BandError, "490, nan, 665"),
    row("negative", entries(wavelength="{-490, 560, 665}"), BandError, "'-490.0'"),
    row("unit", entries(wavelength_units="furlong"), BandError, "furlong"),
    row("nm called um", entries(wavelength_units="Micrometers"), BandError, "'490.0' micrometers"),
    row("none", entries(wavelength=None), BandError, "--bands"),
    row("all unused", entries(wavelength="{0, 0, 0}"), BandError, "no wavelength"),
    row("all bad", entries(bbl="{0, 0, 0}"), BandError, "all bad"),
    row("bbl of two", entries(bbl="{1, 1}"), BandError, "2 items in 'bbl'"),
    row("widths of two", entries(fwhm="{9, 9}"), BandError, "2 items in 'fwhm'"),
    row("gains of two", entries(data_gain_values="{1, 1}"), BandError, "2 items in 'data gain"),
    row("gain 0", entries(data_gain_values="{1, 0, 1}"), ValueRangeError, "scale"),
    row("scale factor 0", entries(reflectance_scale_factor=0), BandError, "factor '0'"),
    row("no meaning", entries(reflectance_scale_factor=None), BandError, "--scale 1e-4"),
    row("too large", entries(), FileError, "--max-pixels", max_pixels=59),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "error", "message"), ENVI)
def test_envi(tmp_path, make, options, error, message):
    assert message in raises(envi.open_envi, make, tmp_path, options, error)


@pytest.mark.parametrize("interleave", ["bsq", "bil", "bip"])
def test_envi_cut_after_it_was_opened(tmp_path, interleave):
    path = entries(interleave=interleave)(tmp_path)
    scene = envi.open_envi(path)
    cut(path, 1)
    with pytest.raises(FileError, match="ends at byte 119"):
        scene.read()
    path.unlink()
    with pytest.raises(FileError, match="cannot be read"):
        scene.read()


def test_envi_driver_reads_no_vrt(tmp_path):
    """A VRT named as the binary of an ENVI pair is raw bytes, never another file."""
    secret = made.write_tif(tmp_path / "secret.tif", DATA)
    path = tmp_path / "scene.dat"
    text = f"<VRTDataset rasterXSize='5'><SourceFilename>{secret}</SourceFilename></VRTDataset>"
    path.write_text(text.ljust(200))
    header = "ENVI\nsamples = 5\nlines = 4\nbands = 1\ndata type = 1\nwavelength = {560}\n"
    path.with_suffix(".hdr").write_text(header + "interleave = bsq\nreflectance scale factor = 1\n")
    assert not envi.matches(path)
    assert envi.open_envi(path).read().stored.tobytes() == text.encode()[:20]


# ---- folders ----

ENMAP_NM = [490.0, 560.0, 665.0]


def a_enmap(folder: Path) -> Path:
    return made.write_enmap(folder, DATA, ENMAP_NM)


def enmap_xml(old: str, new: str) -> Callable[[Path], Path]:
    return lambda f: edit(a_enmap(f), "*METADATA.XML", old, new)


def two_products(folder: Path) -> Path:
    place = a_enmap(folder)
    (place / "ENMAP01-other-METADATA.XML").write_text("<x/>")
    return place


def vrt_image(folder: Path) -> Path:
    place = a_enmap(folder)
    next(place.glob("*IMAGE.TIF")).write_text("<VRTDataset/>")
    return place


def cut_image(folder: Path) -> Path:
    place = a_enmap(folder)
    cut(next(place.glob("*IMAGE.TIF")), 60)
    return place


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><level_X>'
XXE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><level_X>'
ENMAP = [
    row("lacks the image", lambda f: without(a_enmap(f), "*.TIF"), FileError, "0 files"),
    row("lacks the metadata", lambda f: without(a_enmap(f), "*.XML"), FileError, "0 files"),
    row("two products", two_products, FileError, "2 files"),
    row("image cut off", cut_image, FileError, "is damaged"),
    row("image is a VRT", vrt_image, FileError, "GDAL VRT"),
    row("no XML", enmap_xml("</level_X>", ""), FileError, "not valid XML"),
    row("entity bomb", enmap_xml("<level_X>", BOMB), FileError, "not valid XML"),
    row("external entity", enmap_xml("<level_X>", XXE), FileError, "not valid XML"),
    row("L1C", lambda f: made.write_enmap(f, DATA, ENMAP_NM, level="L1C"), FileError, "level L1C"),
    row("no level", enmap_xml("<level>L2A</level>", ""), FileError, "no base/level"),
    row("no bands", enmap_xml("bandCharacterisation", "x"), FileError, "bandID 1, 2, 3"),
    row("band number", enmap_xml('bandID number="2"', 'bandID number="7"'), FileError, "[1, 3, 7]"),
    row("number is text", enmap_xml('bandID number="2"', 'bandID number="b"'), FileError, "'b'"),
    row("gain is text", enmap_xml("<GainOfBand>0.0001", "<GainOfBand>x"), FileError, "'x'"),
    row("gain is NaN", enmap_xml("<GainOfBand>0.0001", "<GainOfBand>nan"), FileError, "'nan'"),
    row("gain is 0", enmap_xml("<GainOfBand>0.0001", "<GainOfBand>0"), ValueRangeError, "scale"),
    row("no sun", enmap_xml("sunElevationAngle", "moon"), FileError, "sunElevationAngle"),
    row("in um", enmap_xml(">560.0<", ">0.56<"), BandError, "0.56 nm"),
    row("two", lambda f: made.write_enmap(f, DATA, ENMAP_NM[:2]), BandError, "3 bands, 2"),
    row("too large", a_enmap, FileError, "--max-pixels", max_pixels=59),
]  # fmt: skip


@pytest.mark.parametrize(("make", "options", "error", "message"), ENMAP)
def test_enmap(tmp_path, make, options, error, message):
    assert message in raises(enmap.open_enmap, make, tmp_path, options, error)


def a_desis(folder: Path) -> Path:
    return made.write_desis(folder, DATA, ENMAP_NM)


def hdr(old: str, new: str) -> Callable[[Path], Path]:
    return lambda f: edit(a_desis(f), "*.hdr", old, new)


L1C = made.DESIS.replace("L2A", "L1C")
DESIS = [
    row("lacks the image", lambda f: without(a_desis(f), "*.tif"), FileError, "0 files"),
    row("lacks the header", lambda f: without(a_desis(f), "*.hdr"), FileError, "0 files"),
    row("lacks the metadata", lambda f: without(a_desis(f), "*.xml"), FileError, "0 files"),
    row("L1C", lambda f: made.write_desis(f, DATA, ENMAP_NM, name=L1C), FileError, "not L2A"),
    row("no gains", hdr("data gain values", "x"), BandError, "lacks wavelengths, gains"),
    row("no wavelengths", hdr("wavelength =", "x ="), BandError, "lacks wavelengths, gains"),
    row("two wavelengths", lambda f: made.write_desis(f, DATA, [490, 560]), BandError, "2 items"),
    row("nodata is text", hdr("value = -32768", "value = none"), FileError, "'none'"),
    row("not ENVI", hdr("ENVI", "EHDR"), FileError, "begin with ENVI"),
    row("no sun", lambda f: edit(a_desis(f), "*.xml", "sunZenith", "x"), FileError, "sunZenith"),
    row("too large", a_desis, FileError, "--max-pixels", max_pixels=59),
]


@pytest.mark.parametrize(("make", "options", "error", "message"), DESIS)
def test_desis(tmp_path, make, options, error, message):
    assert message in raises(desis.open_desis, make, tmp_path, options, error)


# ---- HDF5 ----

VNIR = np.ones((4, 6, 5), np.uint16)
SWIR = np.ones((4, 4, 5), np.uint16)


def a_prisma(vnir: Any = VNIR, swir: Any = SWIR, **changed: Any) -> Callable[[Path], Path]:
    return lambda folder: made.write_prisma(folder, vnir, swir, **changed)


def cut_hdf5(folder: Path) -> Path:
    return cut(a_prisma()(folder), 400)


def linked(kind: str) -> Callable[[Path], Path]:
    """A PRISMA file whose VNIR cube lies in another file."""

    def make(folder: Path) -> Path:
        path = a_prisma(vnir=None)(folder)
        with h5py.File(folder / "other.h5", "w") as other:
            other["cube"] = VNIR
        name = f"{made.PRISMA_FIELDS}/VNIR_Cube"
        with h5py.File(path, "a") as f:
            if kind == "link":
                f[name] = h5py.ExternalLink("other.h5", "/cube")
            elif kind == "soft":
                f[name] = h5py.SoftLink(f"/{made.PRISMA_FIELDS}/SWIR_Cube")
            elif kind == "virtual":
                layout = h5py.VirtualLayout(VNIR.shape, np.uint16)
                layout[:] = h5py.VirtualSource(folder / "other.h5", "cube", VNIR.shape)
                f.create_virtual_dataset(name, layout)
            else:
                (folder / "raw.bin").write_bytes(VNIR.tobytes())
                external = [(str(folder / "raw.bin"), 0, VNIR.nbytes)]
                f.create_dataset(name, VNIR.shape, np.uint16, external=external)
        return path

    return make


PRISMA = [
    row("missing", lambda f: f / "PRS_L2D.he5", FileError, "is damaged or no HDF5"),
    row("text", text_for("PRS_L2D.he5", "hello"), FileError, "no HDF5 file"),
    row("zero bytes", text_for("PRS_L2D.he5", ""), FileError, "no HDF5 file"),
    row("cut off", cut_hdf5, FileError, "is damaged"),
    row("lacks a cube", a_prisma(swir=None), FileError, "no HDFEOS/SWATHS/PRS_L2D_HCO"),
    row("cube of two axes", a_prisma(vnir=VNIR[0]), FileError, "3 axes"),
    row("float cube", a_prisma(vnir=VNIR.astype("f4")), FileError, "float32"),
    row("cubes differ", a_prisma(swir=SWIR[:, :, :4]), GridError, "(4, 4), (4, 5)"),
    row("external link", linked("link"), FileError, "has a link"),
    row("soft link", linked("soft"), FileError, "has a link"),
    row("virtual dataset", linked("virtual"), FileError, "in another file"),
    row("external storage", linked("external"), FileError, "in another file"),
    row("no wavelengths", a_prisma(List_Cw_Vnir=None), FileError, "attribute List_Cw_Vnir"),
    row("five wavelengths", a_prisma(List_Cw_Vnir=[1, 2, 3, 4, 5]), BandError, "5 wavelengths"),
    row("all unused", a_prisma(List_Cw_Vnir=[0] * 6, List_Cw_Swir=[0] * 4), BandError, "all bad"),
    row("in um", a_prisma(List_Cw_Swir=[2.2, 1.8, 1.6, 0.9]), BandError, "0.9 nm"),
    row("no scale", a_prisma(L2ScaleVnirMax=None), FileError, "L2ScaleVnirMax"),
    row("scale is text", a_prisma(L2ScaleVnirMax="high"), FileError, "'high'"),
    row("scale is NaN", a_prisma(L2ScaleVnirMax=np.nan), FileError, "'nan'"),
    row("scale of no extent", a_prisma(L2ScaleVnirMax=0.0), BandError, "from 0.0 to 0.0"),
    row("EPSG", a_prisma(Epsg_Code=1), GridError, "Epsg_Code 1"),
    row("no corner", a_prisma(Product_ULcorner_easting=None), FileError, "ULcorner_easting"),
    row("too large", a_prisma(), FileError, "--max-pixels", max_pixels=199),
]


@pytest.mark.parametrize(("make", "options", "error", "message"), PRISMA)
def test_prisma(tmp_path, make, options, error, message):
    assert message in raises(prisma.open_prisma, make, tmp_path, options, error)


CUBE = np.full((3, 4, 2), 0.25, np.float32)
GLT = np.ones((2, 2), np.int32)


def an_emit(
    cube: Any = CUBE, glt_x: Any = GLT, glt_y: Any = GLT, nm: Any = (490, 665), **changed: Any
) -> Callable[[Path], Path]:
    return lambda folder: made.write_emit(folder, cube, glt_x, glt_y, nm, [1] * len(nm), **changed)


EMIT = [
    row("text", text_for("EMIT_L2A_RFL_001.nc", "hello"), FileError, "no HDF5 file"),
    row("lacks the cube", an_emit(cube=None), FileError, "no reflectance"),
    row("integers", an_emit(cube=CUBE.astype("i2")), FileError, "int16"),
    row("table of floats", an_emit(glt_x=GLT * 1.5), FileError, "float64"),
    row("tables differ", an_emit(glt_x=GLT[:1]), GridError, "(1, 2), (2, 2)"),
    row("column outside", an_emit(glt_x=GLT * 5), FileError, "column 5 of a swath"),
    row("row outside", an_emit(glt_y=GLT * 4), FileError, "row 4"),
    row("one wavelength", an_emit(nm=(490,)), BandError, "2 bands, 1 wavelengths"),
    row("no geotransform", an_emit(geotransform=None), FileError, "attribute geotransform"),
    row("five numbers", an_emit(geotransform=np.ones(5)), GridError, "six numbers"),
    row("no area", an_emit(geotransform=np.zeros(6)), GridError, "with an area"),
    row("CRS", an_emit(spatial_ref="somewhere"), GridError, "'somewhere'"),
    row("too large", an_emit(), FileError, "--max-pixels", max_pixels=7),
]


@pytest.mark.parametrize(("make", "options", "error", "message"), EMIT)
def test_emit(tmp_path, make, options, error, message):
    assert message in raises(emit.open_emit, make, tmp_path, options, error)


def test_without_h5py(tmp_path, monkeypatch):
    import sys

    path = an_emit()(tmp_path)
    monkeypatch.setitem(sys.modules, "h5py", None)
    assert emit.matches(path)
    with pytest.raises(MissingExtraError, match=r"kumosan\[hyperspectral\]"):
        emit.open_emit(path)


# ---- Satellogic ----

PLANE = np.full((4, 5), 0.25, np.float32)


def micro(**profile: Any) -> Callable[[Path], Path]:
    """A folder of two bands; ``other`` replaces the second."""
    other = profile.pop("other", None)

    def make(folder: Path) -> Path:
        place = made.write_satellogic(folder, {452: PLANE, 670: PLANE}, **profile)
        if other is not None:
            data, options = other
            made.write_tif(place / "HyperCube_670_nm.tif", data, **options)
        return place

    return make


def band_twice(folder: Path) -> Path:
    place = micro()(folder)
    made.write_tif(place / "HyperCube_670_nm.tiff", PLANE[None])
    return place


EAST = Affine(30, 0, made.UTM.c + 15, 0, -30, made.UTM.f)
SATELLOGIC = [
    row("no files", lambda f: f, FileError, "no HyperCube_<nm>_nm.tif"),
    row("twice", band_twice, BandError, "670 nm twice"),
    row("two bands a file", micro(other=(np.stack([PLANE] * 2), {})), BandError, "2 bands"),
    row("another size", micro(other=(PLANE[None, :3], {})), GridError, "5 x 3"),
    row("another CRS", micro(other=(PLANE[None], {"crs": "EPSG:32634"})), GridError, "32634"),
    row("half a pixel", micro(other=(PLANE[None], {"transform": EAST})), GridError, "0.50 pixels"),
    row("another dtype", micro(other=(PLANE[None].astype("f8"), {})), BandError, "2 types"),
    row("another nodata", micro(other=(PLANE[None], {"nodata": -1})), BandError, "2 types"),
    row("no meaning", lambda f: made.write_satellogic(f, {452: U16[0]}), BandError, "--scale"),
    row("names", lambda f: made.write_tif(f / "a.tif", PLANE[None]), BandError, "HC_<nm>"),
    row("text", text_for("a.tif", "hello"), FileError, "unknown kind"),
    row("too large", micro(), FileError, "--max-pixels", max_pixels=39),
]


@pytest.mark.parametrize(("make", "options", "error", "message"), SATELLOGIC)
def test_satellogic(tmp_path, make, options, error, message):
    assert message in raises(satellogic.open_satellogic, make, tmp_path, options, error)

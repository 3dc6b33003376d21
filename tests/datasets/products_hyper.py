"""Writers of tiny products of imaging spectrometers, in the structure that is published.

Every writer returns the path that a user would give.
"""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import rasterio
from affine import Affine

UTM = Affine(30, 0, 364_095, 0, -30, 5_809_005)

ENVI_CODES = {
    "uint8": 1, "int16": 2, "int32": 3, "float32": 4, "float64": 5, "uint16": 12, "uint32": 13,
    "int64": 14, "uint64": 15,
}  # fmt: skip
ENVI_AXES = {"bsq": (0, 1, 2), "bil": (1, 0, 2), "bip": (1, 2, 0)}


def write_envi(
    folder: Path,
    data: Any,
    *,
    name: str = "scene.bsq",
    interleave: str = "bsq",
    big_endian: bool = False,
    header: str = "",
    **entries: Any,
) -> Path:
    """(band, y, x) numbers as ENVI; ``entries`` replace header lines, ``header`` is appended."""
    data = np.asarray(data)
    path = folder / name
    order = ">" if big_endian else "<"
    stored = data.transpose(ENVI_AXES.get(interleave, (0, 1, 2))).astype(
        data.dtype.newbyteorder(order)
    )
    path.write_bytes(stored.tobytes())
    n, height, width = data.shape
    lines: dict[str, Any] = {
        "samples": width, "lines": height, "bands": n, "header offset": 0,
        "file type": "ENVI Standard", "data type": ENVI_CODES.get(data.dtype.name, 6),
        "interleave": interleave, "byte order": int(big_endian),
    }  # fmt: skip
    lines |= {k.replace("_", " "): v for k, v in entries.items()}
    text = "ENVI\n" + "".join(f"{k} = {v}\n" for k, v in lines.items() if v is not None)
    path.with_suffix(".hdr").write_text(text + header, "utf-8")
    return path


def write_tif(path: Path, data: Any, **profile: Any) -> Path:
    """(band, y, x) numbers as GeoTIFF on a UTM grid of 30 m."""
    n, height, width = data.shape
    options = {"driver": "GTiff", "crs": "EPSG:32633", "transform": UTM} | profile
    names = options.pop("names", None)
    with rasterio.open(
        path, "w", count=n, height=height, width=width, dtype=data.dtype, **options
    ) as ds:
        ds.write(data)
        if names:
            ds.descriptions = names
    return path


ENMAP = "ENMAP01-____L2A-DT0000001867_20220724T104526Z_008_V010302_20230628T165614Z"


def write_enmap(
    folder: Path, data: Any, nm: list[float], *, level: str = "L2A", empty: tuple[int, ...] = ()
) -> Path:
    """An EnMAP folder: gain 1e-4, offset 0 except 0.01 in band 2; widths 6.5 nm."""
    place = folder / ENMAP
    place.mkdir()
    write_tif(place / f"{ENMAP}-SPECTRAL_IMAGE.TIF", np.asarray(data, np.int16), nodata=-32768)
    rows = "".join(
        f'<bandID number="{i}"><wavelengthCenterOfBand>{c}</wavelengthCenterOfBand>'
        f"<FWHMOfBand>6.5</FWHMOfBand><GainOfBand>0.0001</GainOfBand>"
        f"<OffsetOfBand>{0.01 if i == 2 else 0}</OffsetOfBand></bandID>"
        for i, c in enumerate(nm, 1)
    )
    statistics = "".join(
        f'<bandID number="{i}"><mean>{-1000000 if i in empty else 812.5}</mean>'
        f"<stdDeviation>{0 if i in empty else 31.5}</stdDeviation></bandID>"
        for i in range(1, len(nm) + 1)
    )
    corner = "<upper_left>49.1</upper_left><center>{}</center>"
    (place / f"{ENMAP}-METADATA.XML").write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<level_X><base><level>{level}</level><temporalCoverage>
<startTime>2022-07-24T10:45:26.350402Z</startTime><stopTime>2022-07-24T10:45:30.8Z</stopTime>
</temporalCoverage></base><specific>
<sunElevationAngle unit="DEG">{corner.format(55.25)}</sunElevationAngle>
<sunAzimuthAngle unit="DEG">{corner.format(155.5)}</sunAzimuthAngle>
<backgroundValue>-32768</backgroundValue>
<bandCharacterisation>{rows}</bandCharacterisation></specific>
<product><bandStatistics>{statistics}</bandStatistics></product></level_X>"""
    )
    return place


PRISMA_FIELDS = "HDFEOS/SWATHS/PRS_L2D_HCO/Data Fields"
PRISMA_ATTRIBUTES: dict[str, Any] = {
    "Epsg_Code": np.uint32(32633),
    "Product_ULcorner_easting": np.float32(300_000),
    "Product_ULcorner_northing": np.float32(5_000_010),
    "L2ScaleVnirMin": np.float32(0), "L2ScaleVnirMax": np.float32(1),
    "L2ScaleSwirMin": np.float32(0.25), "L2ScaleSwirMax": np.float32(0.75),
    "Sun_zenith_angle": np.float32(35.5), "Sun_azimuth_angle": np.float32(140.25),
    "Product_StartTime": np.bytes_("2020-12-14T06:07:13.112"),
    "Product_ID": np.bytes_("PRS_L2D_STD"),
    "List_Cw_Vnir": np.float32([972.5, 865.5, 665.5, 560.5, 490.5, 0.0]),
    "List_Fwhm_Vnir": np.float32([13, 12, 11, 10, 9, 0]),
    "List_Cw_Swir": np.float32([2200.5, 1850.5, 1610.5, 943.5]),
    "List_Fwhm_Swir": np.float32([16, 15, 14, 13]),
}  # fmt: skip


def write_prisma(folder: Path, vnir: Any, swir: Any, **changed: Any) -> Path:
    """A PRISMA L2D file; cubes are (row, band, column), attributes None are left out."""
    path = folder / "PRS_L2D_STD_20201214060713_20201214060717_0001.he5"
    with h5py.File(path, "w") as f:
        for name, cube in (("VNIR_Cube", vnir), ("SWIR_Cube", swir)):
            if cube is not None:
                f.create_dataset(f"{PRISMA_FIELDS}/{name}", data=np.asarray(cube))
        for key, value in (PRISMA_ATTRIBUTES | changed).items():
            if value is not None:
                f.attrs[key] = value
    return path


EMIT_WKT = rasterio.crs.CRS.from_epsg(4326).to_wkt()


def write_emit(
    folder: Path, cube: Any, glt_x: Any, glt_y: Any, nm: Any, good: Any, **changed: Any
) -> Path:
    """An EMIT L2A file; ``cube`` is (downtrack, crosstrack, band), tables count from 1."""
    path = folder / "EMIT_L2A_RFL_001_20230316T045133_2307503_005.nc"
    attributes = {
        "geotransform": np.array([59.0, 0.000542, 0.0, 42.0, 0.0, -0.000542]),
        "spatial_ref": EMIT_WKT,
        "time_coverage_start": "2023-03-16T04:51:33+0000",
    } | changed
    with h5py.File(path, "w") as f:
        if cube is not None:
            ds = f.create_dataset("reflectance", data=cube, chunks=True, compression="gzip")
            ds.attrs["_FillValue"] = np.float32([-9999])
        f["location/glt_x"] = np.asarray(glt_x)
        f["location/glt_y"] = np.asarray(glt_y)
        f["sensor_band_parameters/wavelengths"] = np.float32(nm)
        f["sensor_band_parameters/fwhm"] = np.full(len(nm), 8.5, np.float32)
        f["sensor_band_parameters/good_wavelengths"] = np.float32(good)
        for key, value in attributes.items():
            if value is not None:
                f.attrs[key] = value
    return path


DESIS = "DESIS-HSI-L2A-DT1203190212_025-20191203T021128-V0210"


def write_desis(folder: Path, data: Any, nm: list[float], *, name: str = DESIS) -> Path:
    """A DESIS folder: gain 1e-4 (band 1: 2e-4), offset 0 (band 2: 0.05), lists over lines."""
    place = folder / name
    place.mkdir()
    tif = place / f"{name}-SPECTRAL_IMAGE.tif"
    write_tif(tif, np.asarray(data, np.int16), interleave="pixel", compress="lzw")
    n, height, width = np.shape(data)

    def block(values: list[Any]) -> str:
        return "{\n" + ",\n".join(f" {v}" for v in values) + "}"

    gains = [2e-4] + [1e-4] * (n - 1)
    offsets = [0, 0.05, *([0] * (n - 2))]
    (place / f"{name}-SPECTRAL_IMAGE.hdr").write_text(
        f"ENVI\nsamples = {width}\nlines = {height}\nbands = {n}\ndata type = 2\n"
        f"interleave = bip\nwavelength units = nanometers\nwavelength = {block(nm)}\n"
        f"fwhm = {block([3.5] * n)}\ndata gain values = {block(gains)}\n"
        f"data offset values = {block(offsets)}\ndata ignore value = -32768\n"
    )
    (place / f"{name}-METADATA.xml").write_text(
        """<?xml version="1.0"?><hsi_doc><metadata/><base><temporalCoverage>
<startTime>2019-12-03T02:11:28.120Z</startTime><endTime>2019-12-03T02:11:32.5Z</endTime>
</temporalCoverage></base><specific><sunAzimuthAngle unit="DEG">75.5</sunAzimuthAngle>
<sunZenithAngle unit="DEG">41.25</sunZenithAngle></specific></hsi_doc>"""
    )
    return place


def write_satellogic(folder: Path, planes: dict[int, Any], **profile: Any) -> Path:
    """A folder with one file a band, ``HyperCube_<nm>_nm.tif``."""
    place = folder / "micro"
    place.mkdir()
    for nm, plane in planes.items():
        write_tif(place / f"HyperCube_{nm}_nm.tif", np.asarray(plane)[None], **profile)
    return place

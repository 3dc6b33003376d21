"""Writers of tiny Sentinel-2 and PlanetScope products, in the structure that is published.

Every writer returns the path that a user would give.
"""

from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine

L2A = "S2A_MSIL2A_20230625T101601_N0509_R065_T33UUU_20230625T160000"
L1C = "S2A_MSIL1C_20230625T101601_N0509_R065_T33UUU_20230625T120000"
FINEST_M = {
    "B01": 60, "B02": 10, "B03": 10, "B04": 10, "B05": 20, "B06": 20, "B07": 20,
    "B08": 10, "B8A": 20, "B09": 60, "B10": 60, "B11": 20, "B12": 20,
}  # fmt: skip


def write_plane(path: Path, plane: Any, size_m: float, driver: str, **options: Any) -> Path:
    """(band, y, x) integers on a UTM grid."""
    path.parent.mkdir(parents=True, exist_ok=True)
    n, height, width = plane.shape
    with rasterio.open(
        path, "w", driver=driver, count=n, height=height, width=width, dtype=plane.dtype,
        crs="EPSG:32633", transform=Affine(size_m, 0, 300_000, 0, -size_m, 5_800_020), **options,
    ) as ds:  # fmt: skip
        ds.write(plane)
    return path


def write_safe(folder: Path, level: str = "L2A", side_m: int = 600) -> Path:
    """A product of baseline 05.09: every band holds 3000, which is 0.2 after the offset.

    Its metadata have the entries that are read only, named as in the products themselves.
    """
    name = L2A if level == "L2A" else L1C
    place = folder / f"{name}.SAFE"
    granule = place / "GRANULE" / f"{level}_T33UUU_A041817_20230625T101559"
    granule.mkdir(parents=True)
    value, offset = (
        ("BOA_QUANTIFICATION_VALUE", "BOA_ADD_OFFSET")
        if level == "L2A"
        else ("QUANTIFICATION_VALUE", "RADIO_ADD_OFFSET")
    )
    offsets = "".join(f'<{offset} band_id="{i}">-1000</{offset}>' for i in range(13))
    (place / f"MTD_MSI{level}.xml").write_text(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<n1:Level-{level[1:]}_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/">
<n1:General_Info><Product_Info><PRODUCT_URI>{name}.SAFE</PRODUCT_URI>
<PROCESSING_BASELINE>05.09</PROCESSING_BASELINE>
<Datatake><SPACECRAFT_NAME>Sentinel-2A</SPACECRAFT_NAME></Datatake></Product_Info>
<Product_Image_Characteristics><{value} unit="none">10000</{value}>{offsets}
</Product_Image_Characteristics></n1:General_Info></n1:Level-{level[1:]}_User_Product>"""
    )
    (granule / "MTD_TL.xml").write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
<n1:Level_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Tile_Metadata.xsd">
<n1:General_Info><SENSING_TIME>2023-06-25T10:16:01.024Z</SENSING_TIME></n1:General_Info>
<n1:Geometric_Info><Tile_Angles><Mean_Sun_Angle>
<ZENITH_ANGLE unit="deg">30.5</ZENITH_ANGLE><AZIMUTH_ANGLE unit="deg">150.25</AZIMUTH_ANGLE>
</Mean_Sun_Angle></Tile_Angles></n1:Geometric_Info></n1:Level_Tile_ID>"""
    )
    for band, finest in [*FINEST_M.items(), ("SCL", 20)]:
        if level == "L1C" and band != "SCL":
            wanted = {finest: f"T33UUU_20230625T101601_{band}.jp2"}
        elif level == "L2A" and band != "B10":
            sizes = [m for m in (10, 20, 60) if m >= finest and (band, m) != ("B08", 20)]
            wanted = {m: f"R{m}m/T33UUU_20230625T101601_{band}_{m}m.jp2" for m in sizes}
        else:
            continue
        for metres, file in wanted.items():
            side = side_m // metres
            fill, dtype = (4, np.uint8) if band == "SCL" else (3000, np.uint16)
            plane = np.full((1, side, side), fill, dtype)
            options = {"QUALITY": 100, "REVERSIBLE": "YES"}
            write_plane(granule / "IMG_DATA" / file, plane, metres, "JP2OpenJPEG", **options)
    return place


PLANET = "20230625_101601_12_24a5"


def write_planet(folder: Path, side: int = 40) -> Path:
    """A SuperDove scene: 2000 in every band; clear in its UDM2, one row under blackfill."""
    place = folder / PLANET
    udm2 = np.zeros((8, side, side), np.uint8)
    udm2[0, 1:] = 1  # clear
    udm2[6] = 95  # confidence in %
    udm2[7, 0] = 1  # blackfill
    data = np.full((8, side, side), 2000, np.uint16)
    write_plane(place / f"{PLANET}_3B_udm2.tif", udm2, 3, "GTiff")
    (place / f"{PLANET}_3B_AnalyticMS_8b_metadata.xml").write_text(
        """<?xml version="1.0" encoding="UTF-8"?>
<ps:EarthObservation xmlns:gml="http://www.opengis.net/gml"
 xmlns:eop="http://earth.esa.int/eop" xmlns:opt="http://earth.esa.int/opt"
 xmlns:ps="http://schemas.planet.com/ps/v1/planet_product_metadata_geocorrected_level">
<gml:using><eop:EarthObservationEquipment>
<eop:platform><eop:Platform><eop:serialIdentifier>24a5</eop:serialIdentifier></eop:Platform>
</eop:platform><eop:instrument><eop:Instrument><eop:shortName>PSB.SD</eop:shortName>
</eop:Instrument></eop:instrument><eop:acquisitionParameters><ps:Acquisition>
<opt:illuminationAzimuthAngle uom="deg">150.25</opt:illuminationAzimuthAngle>
<opt:illuminationElevationAngle uom="deg">59.5</opt:illuminationElevationAngle>
<ps:acquisitionDateTime>2023-06-25T10:16:01+00:00</ps:acquisitionDateTime>
</ps:Acquisition></eop:acquisitionParameters></eop:EarthObservationEquipment></gml:using>
</ps:EarthObservation>"""
    )
    image = place / f"{PLANET}_3B_AnalyticMS_SR_8b.tif"
    return write_plane(image, data, 3, "GTiff", nodata=0)

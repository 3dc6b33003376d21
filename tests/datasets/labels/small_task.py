"""Patches, and labels of them in the formats of Labelbox and CVAT."""

import base64
import json
from pathlib import Path

import numpy as np
from affine import Affine
from rasterio.crs import CRS

from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, SWIR1, BandSet
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.datasets.write import write_tile

BANDS = BandSet((BLUE, GREEN, RED, NIR, SWIR1))


def write_patches(folder: Path, masks: list[np.ndarray], nodata: np.ndarray | None = None):
    """Patches whose brightness tells nothing of ``masks``; their files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for i, mask in enumerate(masks):
        data = np.full((5, *mask.shape), 0.1 + 0.01 * i, np.float32)
        if nodata is not None:
            data[:, nodata] = np.nan
        grid = Affine(30, 0, 5e5 + 1e4 * i, 0, -30, 5e6)
        path = folder / f"scene_{i:05d}_00000.tif"
        write_tile(path, Tile(data, BANDS, grid, CRS.from_epsg(32633)))
        files.append(path)
    return files


class Oracle:
    """Detects what it is given, one mask a call."""

    def __init__(self, masks):
        self.masks = iter(masks)

    def __call__(self, tile):
        return CloudMask.like(tile, next(self.masks))


def as_export(prelabels: Path, folder: Path, project="P", **details) -> Path:
    """What Labelbox would export if people agreed with the pre-labels: masks lie beside."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    rows: dict[str, dict] = {}
    for line in prelabels.read_text().splitlines():
        one = json.loads(line)
        key = one["dataRow"]["globalKey"]
        said = rows.setdefault(key, {"objects": [], "classifications": []})
        if "mask" in one:
            feature = one["uuid"]
            (folder / "masks" / f"{feature}.png").write_bytes(base64.b64decode(one["mask"]["png"]))
            url = f"https://api.labelbox.com/masks/feature/{feature}"
            said["objects"].append(
                {"feature_id": feature, "name": one["name"], "value": one["name"],
                 "annotation_kind": "ImageSegmentationMask", "mask": {"url": url}}
            )  # fmt: skip
        else:
            answer = one["answer"]["name"]
            said["classifications"].append(
                {"name": one["name"], "value": one["name"],
                 "radio_answer": {"name": answer, "value": answer}}
            )  # fmt: skip
    path = folder / "export.ndjson"
    lines = [export_row(key, [said], project=project, **details) for key, said in rows.items()]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def export_row(key: str, labels: list[dict], size=None, project="P", who="ann@example.org"):
    """A row of an export, version 2, with one label for each entry of ``labels``."""
    media = {} if size is None else {"height": size[0], "width": size[1]}
    made = [
        {"id": f"label{i}", "annotations": said, "label_details": {
            "created_by": said.get("who", who),
            "updated_at": said.get("time", f"2026-05-0{i + 1}T10:00:00.000+00:00")}}
        for i, said in enumerate(labels)
    ]  # fmt: skip
    return {
        "data_row": {"id": f"id-{key}", "global_key": key, "external_id": key},
        "media_attributes": media,
        "projects": {"p1": {"name": project, "labels": made}},
    }

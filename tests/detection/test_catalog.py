"""The rules on real, hand-labelled Landsat tiles: what was measured must stay true."""

import pytest

from kumosan import detection
from kumosan.datasets import read, read_mask
from kumosan.detection.metrics import compare, pooled


@pytest.fixture(scope="module")
def tiles(data, catalog):
    """Tile, truth and whether shadow was labelled, for the training split."""
    return [
        (
            read(data / row["image"]),
            read_mask(data / row["mask"]).classes,
            "cloud shadow" in row["classes_labelled"],
        )
        for row in catalog
        if row["split"] == "train" and row["mask_kind"] == "human"
    ]


@pytest.mark.parametrize(
    ("name", "cloud_boa"), [("hot", 0.92), ("fmask", 0.91), ("ltk", 0.90), ("braaten", 0.86)]
)
def test_cloud(tiles, name, cloud_boa):
    detector = detection.get(name)
    found = [compare(truth, detector.mask(tile).classes)["cloud"] for tile, truth, _ in tiles]
    assert pooled(found).boa > cloud_boa


def test_shadow_without_sun_angles(tiles):
    detector = detection.get("fmask")
    found = [
        compare(truth, detector.mask(tile).classes)["shadow"]
        for tile, truth, labelled in tiles
        if labelled
    ]
    assert len(found) == 4
    assert pooled(found).boa > 0.64
    assert pooled(found).ua > 0.4


def test_auto_runs_on_every_image(data, catalog):
    optical = [r for r in catalog if r["split"] == "train"]
    for row in optical[::4]:
        tile = read(data / row["image"])
        mask = detection.detect(tile)
        mask.check_grid(tile)
        assert (mask.valid == tile.valid).all()

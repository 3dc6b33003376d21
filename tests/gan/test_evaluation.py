"""Fillers measured under painted clouds: the same skies for all, and figures that add up."""

import json
import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from kumosan import gan
from kumosan.datasets.bands import BandSet
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.errors import UnfitError, UsageError
from kumosan.datasets.tile import CloudMask
from kumosan.datasets.write import write_mask
from kumosan.gan.evaluation import clear_rows, evaluate, middle, paint
from kumosan.gan.evaluation_facts import facts, interval, markdown
from kumosan.gan.evaluation_report import report
from kumosan.gan.metrics import rmse_by_class

from .small_set import clear_tile, make


@pytest.fixture
def rows(tmp_path):
    return clear_rows(read_catalog(make(tmp_path)), "train")


@dataclass(frozen=True)
class Unfit:
    bands: ClassVar[BandSet] = BandSet(())

    def fill(self, tile, mask):
        raise UnfitError("no band", "bands", "none")


def test_every_filler_sees_the_same_skies(rows):
    fillers = {"identity": gan.get("identity"), "again": gan.get("identity")}
    found = evaluate(rows, fillers, seed=3, skies=2, size_px=48)
    one, two = found.scores["identity"], found.scores["again"]
    assert len(one) == 2 * len(rows) == 6
    assert [s.measures["all"]["rmse"] for s in one] == [s.measures["all"]["rmse"] for s in two]
    pair = paint(middle(clear_tile(0), 48), rows[0].id, 3, 1)
    expected = rmse_by_class(pair.clear, pair.cloudy, pair.mask)
    assert one[1].measures["all"]["rmse"] == pytest.approx(expected["all"], abs=1e-3)  # stored
    assert all(s.filled == 0 and math.isnan(s.coverage) for s in one if s.filled == s.filled)


def test_seed_name_and_number_decide_the_sky():
    tile = middle(clear_tile(0), 48)
    first = paint(tile, "a", 0, 0).mask.classes
    assert np.array_equal(first, paint(tile, "a", 0, 0).mask.classes)
    for other in (("b", 0, 0), ("a", 1, 0), ("a", 0, 1)):
        assert not np.array_equal(first, paint(tile, *other).mask.classes)


def test_the_middle_keeps_its_place():
    tile = clear_tile(0)
    part = middle(tile, 20)
    assert part.shape == (20, 20)
    np.testing.assert_array_equal(part.data, tile.data[:, 22:42, 22:42])
    assert part.transform == tile.grid.at(top=22, left=22)
    assert middle(tile, 999).shape == tile.shape


def test_figures_pages_and_tables(rows):
    fillers = {"identity": gan.get("identity"), "nearest": gan.get("nearest"), "odd": Unfit()}
    found = evaluate(rows, fillers, skies=1, size_px=48)
    figures = facts(found)
    json.dumps(figures, allow_nan=False)
    nearest = figures["fillers"]["nearest"]
    assert nearest["views"]["clear"]["rmse"] == 0 and nearest["views"]["clear"]["psnr"] is None
    rmse = [s.measures["all"]["rmse"] for s in found.scores["nearest"]]
    known = [v for v in rmse if v == v]
    assert nearest["views"]["all"]["rmse"] == pytest.approx(np.mean(known), abs=1e-6)
    assert nearest["views"]["all"]["cases"] == len(known)
    assert nearest["filled"] == 1 and 0 < nearest["coverage_90"] <= 1
    bands = nearest["sensors"]["made"]["bands"]
    assert all(rmse >= mae > 0 for rmse, mae in bands.values())
    assert len(figures["fillers"]["odd"]["unfit"]) == len(rows)
    text = markdown(figures)
    assert "| nearest | all |" in text and "odd (3)" in text and "exactly 0" in text
    page = report("<Fills>", figures, found.sights)
    assert "&lt;Fills&gt;" in page and page.count("<img") == 4 * len(found.sights) > 0


def test_an_interval_is_of_places_not_of_images():
    values = [("a", 1.0)] * 50 + [("b", 3.0)] * 50
    assert interval(values, 0) == (1.0, 3.0)
    assert all(math.isnan(v) for v in interval(values[:50], 0))


def test_clear_images_are_those_said_or_labelled_so(tmp_path):
    folder = make(tmp_path)
    rows = json.loads((folder / "catalog.json").read_text())
    for i, codes in ((0, 0), (1, 1)):
        tile = clear_tile(i)
        classes = np.zeros(tile.shape, np.uint8)
        classes[:10] = codes
        write_mask(folder / f"m{i}.tif", CloudMask.like(tile, classes))
        rows[i] |= {"mask": f"m{i}.tif", "mask_kind": "human", "role": None}
        rows[i] |= {"classes_labelled": "clear, cloud"}
    rows[2]["role"] = "cloudy"
    (folder / "catalog.json").write_text(json.dumps(rows))
    catalog = read_catalog(folder)
    assert [r.id for r in clear_rows(catalog, "train")] == ["t0.tif"]
    assert [r.id for r in clear_rows(catalog, "test")] == ["t3.tif"]
    with pytest.raises(UsageError, match="splits are test, train"):
        clear_rows(catalog, "none")

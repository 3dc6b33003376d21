"""Fitting relations over many scenes: what is learnt from, and how it is judged."""

import importlib.util
from dataclasses import replace

import numpy as np
import pytest

if importlib.util.find_spec("lightning") is None:
    pytest.skip("lightning is not installed: pip install 'kumosan[train]'", allow_module_level=True)

from kumosan.datasets.errors import UnfitError
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import THIN, CloudMask
from kumosan.datasets.write import write_mask, write_tile
from kumosan.gan import lessons, teaching
from kumosan.gan.clear_parts import ClearParts
from kumosan.gan.taught import CASES, PACKAGED, Taught, load

from .small_set import BANDS, clear_tile, make


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(lessons, "VEILS", 3)
    monkeypatch.setattr(lessons, "SKIES", 4)
    monkeypatch.setattr(teaching, "LANDSCAPES", 1)
    monkeypatch.setattr(teaching, "UNITS", 16)


def test_what_is_written_is_what_was_fitted(small, tmp_path):
    card = teaching.teach(make(tmp_path, clear=6), tmp_path / "r.safetensors")
    found, relations = load(tmp_path / "r.safetensors")
    assert found == card and set(relations) == set(CASES) and len(card.scores) == len(CASES)
    better = [errors["corrected"] < errors["left"] for errors in card.scores.values()]
    assert all(better), card.scores
    tile = clear_tile(1)
    mask = CloudMask.like(tile, np.full(tile.shape, THIN, np.uint8))
    done = replace(Taught.of(tile, mask, tmp_path / "r.safetensors"), min_confidence=0.0).fill(
        tile, mask
    )
    assert done.filled.all()


def test_a_fold_is_not_learnt_from(small, tmp_path):
    folder, fold = make(tmp_path, clear=6), Fold(0, 2)
    card = teaching.teach(folder, tmp_path / "r.safetensors", fold=fold)
    kept = [f"place{i}" for i in range(6) if not fold.holds(f"place{i}")]
    assert 0 < len(kept) < 6
    assert f"on {len(kept)} places" in card.data and card.training["fold"]["number"] == 0


def test_relations_that_nobody_could_judge_are_refused(small, tmp_path):
    folder = make(tmp_path, clear=1)
    write_tile(folder / "t0.tif", clear_tile(bands=BANDS.select([0, 1, 2])), overwrite=True)
    with pytest.raises(UnfitError, match=r"no clear image with the bands .* swir1"):
        teaching.teach(folder, tmp_path / "r.safetensors")


def test_the_clear_part_of_a_cloudy_image(tmp_path):
    """Drawn cloud and MARGIN_PX about it are nodata; the rest stays bit for bit."""
    import json

    folder, tile = make(tmp_path, clear=1), clear_tile(0)
    classes = np.zeros(tile.shape, np.uint8)
    classes[:10] = THIN
    write_mask(folder / "m.tif", CloudMask.like(tile, classes))
    rows = json.loads((folder / "catalog.json").read_text())
    rows[0] |= {"mask": "m.tif", "mask_kind": "human", "classes_labelled": "clear, thin cloud"}
    rows[0] |= {"role": "cloudy"}
    (folder / "catalog.json").write_text(json.dumps(rows))
    with pytest.raises(UnfitError, match="without any clear image"):
        ClearParts.of(folder, "train")
    (part,) = ClearParts.of(folder, "train", 0.5)
    assert part.mask is None
    assert np.isnan(part.tile.data[:, :18]).all()
    assert np.array_equal(part.tile.data[:, 18:], tile.data[:, 18:])


def test_those_that_ship_know_all_sets_and_help():
    card, relations = load(PACKAGED)
    assert card.bands == CANONICAL_BANDS.names and set(relations) == set(CASES)
    for name, errors in card.scores.items():
        assert errors["corrected"] < 0.7 * errors["left"], name
    assert PACKAGED.stat().st_size < 1_000_000

"""Real pairs as a source: what is learnt under real clouds, and catalogues that hold none."""

import importlib.util
import json
from dataclasses import replace

import numpy as np
import pytest
from affine import Affine

from kumosan.datasets.bands import BandSet
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.errors import BandError, GridError, UnfitError, UsageError
from kumosan.datasets.splits import Fold
from kumosan.datasets.tile import CLEAR, NODATA, SHADOW, THICK, THIN, CloudMask
from kumosan.datasets.torch_data import Draw
from kumosan.datasets.write import write_mask, write_tile
from kumosan.gan.mixture import Mixture
from kumosan.gan.real_pairs import RealPairs, date_pairs
from kumosan.gan.train_config import Adversary, GanConfig, GanTraining, Source

from .small_set import BANDS, SIDE, clear_tile

PAIRS = Source("pairs", turn=False)
TRAINING = GanTraining(crop=SIDE, workers=0, epochs=1, samples=4, batch_size=2, picture_epochs=0)
CONFIG = GanConfig((PAIRS,), network={"channels": [8, 16]}, training=TRAINING)
CLASSES = np.zeros((SIDE, SIDE), np.uint8)
CLASSES[0:24, 0:24] = THICK
CLASSES[24:32, 0:24] = THIN
CLASSES[0:24, 24:40] = SHADOW
CLASSES[0:8, 56:64] = NODATA
HIDDEN = np.isin(CLASSES, (THICK, THIN, SHADOW))
HOLE = np.s_[0:6, 0:6]
"""Without data on the clear date, under the cloud of the other."""
CHANGED = np.s_[48:56, 48:56]
"""Harvested between the dates."""


def dates(seed=0):
    """The cloudy date, what it would be without clouds, and the clear date."""
    truth = clear_tile(seed)
    seen = np.where(CLASSES == THICK, 0.8, truth.data)
    seen = np.where(CLASSES == THIN, 0.6 * seen + 0.2, seen)
    seen = np.where(CLASSES == SHADOW, 0.4 * seen, seen)
    other = (truth.data - 0.01) / 0.9
    other[(slice(None), *CHANGED)] = 0.4
    other[(slice(None), *HOLE)] = np.nan
    return (*(truth.with_data(d.astype(np.float32)) for d in (seen, truth.data, other)),)


def catalog(folder, count=1, split="train", masked=True, other=None, other_mask=None):
    """Write ``count`` pairs, all with one ``other`` tile and ``other_mask`` for the clear date."""
    rows = []
    for k in range(count):
        seen, _, clear = dates(k)
        write_tile(folder / f"cloudy{k}.tif", seen, overwrite=True)
        write_tile(folder / f"clear{k}.tif", other or clear, overwrite=True)
        masks = [cover(folder, k, CLASSES) if masked else None, None]
        if other_mask is not None:
            masks[1] = cover(folder, k, other_mask, "clear_mask")
        row = {"split": split, "group": f"place{k}", "sensor": "made", "mask_kind": "human"}
        row |= {"classes_labelled": "clear, cloud, thin, shadow"}
        for role, mask in zip(("cloudy", "clear"), masks, strict=True):
            rows.append(row | {"image": f"{role}{k}.tif", "role": role, "mask": mask})
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


def cover(folder, k, classes, name="mask"):
    """Write the mask of pair ``k``, in place of one that may be there."""
    write_mask(folder / f"{name}{k}.tif", CloudMask.like(dates(k)[0], classes), overwrite=True)
    return f"{name}{k}.tif"


def sample(folder, config=CONFIG, number=0, **settings):
    return Mixture.of(config, folder, 0, **settings).dataset.sample(Draw(0, number, 0))


def with_training(**changed):
    return replace(CONFIG, training=replace(TRAINING, **changed))


def test_what_is_learnt_is_the_clear_date_in_the_radiometry_of_the_cloudy_one(tmp_path):
    seen, truth, _ = dates()
    got = sample(catalog(tmp_path), with_training(cache_mb=0))
    known = CLASSES != NODATA
    known[HOLE] = False
    assert np.array_equal(got.valid, known)
    assert np.array_equal(got.mask, np.where(known, CLASSES, NODATA))
    assert np.allclose(got.image[:, known], seen.data[:, known], atol=2e-4)
    under = HIDDEN & known
    assert np.abs(got.image - got.target)[:, under].mean() > 0.05
    assert np.allclose(got.target[:, under], truth.data[:, under], atol=2e-3)
    assert (got.target[:, ~known] == 0).all() and (got.image[:, ~known] == 0).all()


def test_clear_pixels_are_their_own_target_although_the_ground_changed(tmp_path):
    folder = catalog(tmp_path)
    jittered = replace(CONFIG, augment={"jitter": {}})
    coarser = with_training(crop=32, gsd_range_m=(35.0, 40.0))
    for config in (CONFIG, jittered, coarser):
        got = sample(folder, config)
        clear = got.mask == CLEAR
        assert clear.any() and got.valid[clear].all()
        assert np.array_equal(got.image[:, clear], got.target[:, clear])


def test_augmentations_change_both_dates_alike(tmp_path):
    folder = catalog(tmp_path)
    plain = sample(folder)
    changed = sample(folder, replace(CONFIG, augment={"lighting": {"strength": (0.2, 0.2)}}))
    under = HIDDEN & plain.valid
    gains = [getattr(changed, date)[:3, under] / getattr(plain, date)[:3, under]
             for date in ("image", "target")]  # fmt: skip
    assert np.ptp(gains[0]) > 0.05
    assert np.allclose(*gains, rtol=1e-3)


def test_what_the_mask_of_the_clear_date_calls_cloud_is_unknown(tmp_path):
    theirs = np.zeros_like(CLASSES)
    theirs[12:40, 12:60] = THICK
    got = sample(catalog(tmp_path, other_mask=theirs))
    unknown = CLASSES == NODATA
    unknown |= HIDDEN & (theirs == THICK)
    unknown[HOLE] = True
    assert np.array_equal(got.valid, ~unknown)


def test_image_and_target_are_turned_together(tmp_path):
    folder = catalog(tmp_path)
    upright, turning = sample(folder), replace(CONFIG, sources=(Source("pairs"),))
    planes = np.concatenate([upright.image, upright.target, upright.mask[None]])
    every = {np.rot90(planes, k, (1, 2))[..., ::m].tobytes() for k in range(4) for m in (1, -1)}
    found = set()
    for number in range(12):
        got = sample(folder, turning, number)
        found.add(np.concatenate([got.image, got.target, got.mask[None]]).tobytes())
    assert found <= every and len(found) > 3


def test_samples_that_come_again_have_their_guess_and_are_cut_anew_for_another_mask(tmp_path):
    folder, keep = catalog(tmp_path), tmp_path / "keep"
    source = replace(PAIRS, paintings=1)
    config = replace(with_training(canvas=SIDE, crop=32), sources=(source,), prior="idw")
    first = sample(folder, config, keep=keep)
    assert first.image.shape == (7, 32, 32) and first.prior.shape == (8, 32, 32)
    clear, cloudy = first.mask == CLEAR, np.isin(first.mask, (THICK, THIN, SHADOW))
    assert cloudy.mean() >= 0.2
    assert np.array_equal(first.prior[:7, clear], first.image[:, clear])
    assert not np.array_equal(first.prior[:7, cloudy], first.image[:, cloudy])
    sample(folder, config, keep=keep)
    assert len(list(keep.glob("*/*.npz"))) == 1
    cover(folder, 0, np.roll(CLASSES, 5))
    sample(folder, config, keep=keep)
    assert len(list(keep.glob("*/*.npz"))) == 2


def test_folds_leave_out_both_dates_of_a_place(tmp_path):
    folder, fold = catalog(tmp_path, count=3), Fold(0, 2)
    left = [k for k in range(3) if fold.holds(f"place{k}")]
    assert 0 < len(left) < 3
    mixture = Mixture.of(CONFIG, folder, 0, fold=fold)
    assert [k for k, weight in enumerate(mixture.weights) if not weight] == left
    assert mixture.description == f"{3 - len(left)} pairs of dates"
    one = next(f for f in (Fold(0, 2), Fold(1, 2)) if f.holds("place0"))
    with pytest.raises(UnfitError, match="'pairs' in the fold that is left out"):
        Mixture.of(CONFIG, catalog(tmp_path), 0, fold=one)


def test_each_cloudy_date_goes_with_each_clear_one_of_its_place(tmp_path):
    rows = read_catalog(catalog(tmp_path, count=2))
    more = replace(rows[1], id="again.tif")
    found = [(pair.cloudy.id, pair.clear.id) for pair in date_pairs([more, *rows])]
    assert found == [("cloudy0.tif", "again.tif"), ("cloudy0.tif", "clear0.tif"),
                     ("cloudy1.tif", "clear1.tif")]  # fmt: skip


def refusal(folder, error, split="train"):
    with pytest.raises(error) as caught:
        RealPairs.of(folder, split)
    return str(caught.value)


def test_catalogues_without_a_pair_that_can_be_learnt_from(tmp_path):
    assert "split 'test'" in refusal(catalog(tmp_path, split="test"), UsageError, "test")
    assert "without any pair" in refusal(catalog(tmp_path, split="val"), UnfitError)
    text = refusal(catalog(tmp_path, masked=False), UnfitError)
    assert "cloudy0.tif" in text and "kumosan mask" in text


def test_dates_on_other_grids_or_with_other_bands_are_refused(tmp_path):
    other = dates()[2]
    moved = replace(other, transform=other.transform @ Affine.translation(3, 0))
    text = refusal(catalog(tmp_path, other=moved), GridError)
    assert "clear0.tif" in text and "resample" in text
    smaller = replace(other, data=other.data[:, :-4])
    assert "clear0.tif" in refusal(catalog(tmp_path, other=smaller), GridError)
    fewer = replace(other, data=other.data[:4], bands=BandSet(tuple(BANDS)[:4]))
    assert "same bands" in refusal(catalog(tmp_path, other=fewer), BandError)


def test_a_pair_without_clear_ground_in_common_is_left_out_and_told(tmp_path):
    folder = catalog(tmp_path, count=2)
    cover(folder, 1, np.ones_like(CLASSES))
    told = Mixture.of(CONFIG, folder, 0).description
    assert told == "1 pairs of dates (1 more without clear ground in common)"
    cover(folder, 0, np.ones_like(CLASSES))
    assert "clear in both" in refusal(folder, UnfitError)


def test_a_pair_that_only_its_masks_call_clear_is_named(tmp_path):
    other = dates()[2]
    empty = other.with_data(np.where(HIDDEN, other.data, np.float32(np.nan)))
    with pytest.raises(UnfitError, match=r"cloudy0\.tif and clear0\.tif with data in fewer"):
        sample(catalog(tmp_path, other=empty))


@pytest.mark.skipif(importlib.util.find_spec("lightning") is None, reason="needs kumosan[train]")
def test_a_training_on_pairs_and_painted_ground(tmp_path):
    from kumosan.datasets.weights import load_weights
    from kumosan.gan.training import Run

    sources = (Source("pairs"), Source("painted", presets=("haze",)))
    adversary = Adversary(channels=4, layers=1, norm="instance")
    config = replace(with_training(crop=32), sources=sources, adversary=adversary)
    path = Run(config, tmp_path / "run", catalog(tmp_path, count=2)).train()
    card, state = load_weights(path, "generator")
    assert card.data == "2 pairs of dates; clouds painted on 2 clear tiles"
    assert all(np.isfinite(v.numpy()).all() for v in state.values())

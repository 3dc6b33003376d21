"""`kumosan tune`: mask errors as they are called, an honest choice, ground to choose on."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.tile import CloudMask
from kumosan.gan.mask_cost import Cost
from kumosan.scripts.tuning import Setting, Tuning, changed_masks, choose, eroded, settings_of, told

from .running import answer, run

SOME = np.array([0, 0, 0, 1, 2, 3, 255], np.uint8)
codes = st.integers(0, 2**32 - 1).map(lambda s: np.random.default_rng(s).choice(SOME, (12, 14)))


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "demo"
    answer("demo", "--size", 96, "-o", folder)
    return folder


@given(codes)
def test_changed_masks_are_what_they_are_called(classes):
    made = {name: mask.classes for name, mask in changed_masks(CloudMask(classes))}
    dirty = (classes > 0) & (classes != 255)
    for name, changed in made.items():
        assert np.array_equal(changed == 255, classes == 255)
        now = (changed > 0) & (changed != 255)
        if name.startswith("grown"):
            assert (now >= dirty).all() and np.array_equal(changed[dirty], classes[dirty])
        elif name != "true mask":
            assert (now <= dirty).all() and np.array_equal(changed[now], classes[now])
    assert not (made["shadow missed"] == 3).any() and not (made["thin cloud missed"] == 2).any()
    assert np.array_equal(made["true mask"], classes)
    assert not ((made["nothing masked"] > 0) & (made["nothing masked"] != 255)).any()


def test_erosion_takes_so_many_pixels_from_the_edge_and_none_at_the_border():
    classes = np.zeros((20, 30), np.uint8)
    classes[:10, 5:25] = 1
    assert (eroded(classes, 2)[:8, 7:23] == 1).all() and (eroded(classes, 2) > 0).sum() == 8 * 16
    full = np.ones((5, 5), np.uint8)
    assert np.array_equal(eroded(full, 2), full)


def tuned(best, default):
    """A setting that costs ``best`` on each pair, and the default."""
    tuning = Tuning()
    tuning.settings[Setting(0.3, 1)] = [Cost(missed=c) for c in best]
    tuning.settings[Setting(0.2, 2)] = [Cost(missed=c) for c in default]
    tuning.errors["true mask"] = [Cost(filled=c) for c in best]
    return tuning


@pytest.mark.parametrize(
    ("best", "default", "sure"),
    [
        ([0.01, 0.02, 0.03], [0.02, 0.03, 0.041], True),
        ([0.01, 0.05, 0.03], [0.03, 0.02, 0.045], False),
        ([0.01], [0.03], False),
    ],
)
def test_a_choice_is_sure_only_if_the_pairs_agree(best, default, sure):
    tuning = tuned(best, default)
    choice = choose(tuning, Setting(0.2, 2))
    assert choice.best == Setting(0.3, 1) and choice.sure == sure
    assert choice.gain == pytest.approx(np.mean(default) - np.mean(best))
    text = told("fmask", tuning, choice)
    assert ("best: threshold 0.3, 1 px" in text) == sure
    assert ("nothing is told apart" in text) != sure


def test_what_is_best_already_is_no_gain():
    choice = choose(tuned([0.05, 0.05], [0.01, 0.02]), Setting(0.2, 2))
    assert choice.best == choice.default and choice.gain == 0 and not choice.sure


WORDS = ("--n", 2, "--size", 64, "--filler", "idw", "--detector", "hot")


def test_tune_tells_costs_and_is_the_same_again(demo, tmp_path):
    words = ("tune", demo / "clear.tif", *WORDS, "--buffer-m", 0, "--buffer-m", 60)
    report = answer(*words, "-o", tmp_path / "a.json")
    again = answer(*words, "-o", tmp_path / "b.json")
    for key in ("mask_errors", "settings", "choice"):
        assert report[key] == again[key]
    assert json.loads((tmp_path / "a.json").read_text())["detector"] == "hot"
    by_name = {row["mask"]: row for row in report["mask_errors"]}
    assert by_name["true mask"]["missed"] == by_name["true mask"]["spoilt"] == 0
    assert by_name["nothing masked"]["total"] == by_name["nothing masked"]["missed"] > 0
    assert by_name["grown by 4 px"]["missed"] == 0 < by_name["grown by 4 px"]["spoilt"]
    assert by_name["eroded by 4 px"]["missed"] > by_name["eroded by 1 px"]["missed"]
    assert {(s["threshold"], s["buffer_m"], s["buffer_px"]) for s in report["settings"]} == {
        (t, b, None) for t in (0.0749, 0.107, 0.1498) for b in (0, 60)
    } | {(0.107, None, 2)}  # the default is always among them
    assert all(len(s["pairs"]) == 2 for s in report["settings"])
    best = min(report["settings"], key=lambda s: s["total"])
    assert report["choice"]["buffer_m"] == best["buffer_m"]


def test_metres_are_pixels_of_the_scene_at_hand():
    assert Setting(None, buffer_m=60).radius_px(20) == 3 and Setting(None, 2).radius_px(None) == 2
    rows, default = settings_of("fmask", [0.1, 0.1], [])
    assert default in rows and [s.buffer_px for s in rows[:5]] == [0, 1, 2, 4, 6]
    rows, default = settings_of("qa", [], [30])
    assert rows == [Setting(None, None, 30), default]


def test_a_catalogue_gives_clear_images_of_split_train_only(demo, tmp_path):
    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = []
    for name, split, role in (("a", "train", "clear"), ("b", "test", "clear"), ("c", "train", "x")):
        shutil.copy(demo / "clear.tif", folder / f"{name}.tif")
        row = {"image": f"{name}.tif", "mask": None, "group": name, "split": split, "role": role}
        rows.append(row | {"sensor": "Sentinel-2", "mask_kind": "none", "classes_labelled": "none"})
    (folder / "catalog.json").write_text(json.dumps(rows))
    report = answer("tune", "--catalog", folder, *WORDS, "-o", tmp_path / "t.json")
    assert [p.rsplit("/", 1)[-1] for p in report["clear"]] == ["a.tif"]


def test_scenes_that_the_detector_does_not_fit_are_left_out(demo, tmp_path):
    grey = tmp_path / "grey.tif"
    import rasterio

    with rasterio.open(demo / "clear.tif") as source:
        profile = source.profile | {"driver": "GTiff", "count": 1}
        with rasterio.open(grey, "w", **profile) as out:
            out.write(source.read([8]))
            out.scales, out.offsets = source.scales[7:8], source.offsets[7:8]
            out.update_tags(1, **source.tags(8))
            out.descriptions = source.descriptions[7:8]
    done = run("tune", demo / "clear.tif", grey, *WORDS, "-o", tmp_path / "t.json", "--json")
    assert done.exit_code == 0 and "grey.tif: left out" in done.stderr
    assert len(json.loads(done.stdout)["clear"]) == 1
    done = run("tune", grey, *WORDS, "-o", tmp_path / "u.json")
    assert done.exit_code == 5 and "hot" in done.stderr


def test_what_cannot_be_meant_is_refused_before_any_work(demo, tmp_path):
    (tmp_path / "t.json").write_text("mine")
    out = ("-o", tmp_path / "t.json")
    for words, code, said in (
        ((demo / "clear.tif", *out), 2, "--overwrite"),
        ((demo / "clear.tif", "--detector", "nosuch", "-o", tmp_path / "u.json"), 2, "nosuch"),
        ((demo / "clear.tif", "--preset", "nosuch", "-o", tmp_path / "u.json"), 2, "nosuch"),
        (("--sensor", "sentinel-2a", "-o", tmp_path / "u.json"), 2, "nothing to read"),
    ):
        done = run("tune", *words)
        assert done.exit_code == code and said in done.stderr, done.output
    assert (tmp_path / "t.json").read_text() == "mine" and not (tmp_path / "u.json").exists()


def test_other_detectors_are_judged_on_the_same_pairs(demo, tmp_path):
    words = ("tune", demo / "clear.tif", *WORDS, "--buffer-m", 0)
    report = answer(*words, "--against", "hot", "--against", "fmask", "-o", tmp_path / "a.json")
    own, fmask = report["against"]
    default = next(s for s in report["settings"] if s["buffer_px"] == 2)
    assert own["detector"] == "hot" and own["pairs"] == default["pairs"] and own["gain"] == 0
    lead = np.subtract(default["pairs"], fmask["pairs"])
    assert fmask["gain"] == pytest.approx(lead.mean(), abs=1e-6) and fmask["gain"] != 0
    assert fmask["standard_error"] == pytest.approx(lead.std(ddof=1) / np.sqrt(2), abs=1e-6)
    refused = run("tune", *WORDS, "--against", "nothing", "-o", tmp_path / "b.json")
    assert refused.exit_code == 2 and "nothing" in refused.stderr
    refused = run("tune", demo / "clear.tif", *WORDS, "--against", "qa", "-o", tmp_path / "c.json")
    assert refused.exit_code == 5


def test_what_is_told_has_its_spread():
    tuning = tuned([0.01, 0.02, 0.03], [0.02, 0.03, 0.041])
    tuning.errors["grown by 1 px"] = [Cost(spoilt=c) for c in (0.02, 0.02, 0.05)]
    tuning.against["hot"] = [Cost(missed=c) for c in (0.03, 0.05, 0.058)]
    text = told("fmask", tuning, choose(tuning, Setting(0.2, 2)))
    rows = {line.split("  ")[1].strip(): line for line in text.splitlines() if line[:2] == "  "}
    assert rows["grown by 1 px"].endswith("+100.0 +- 57.7")  # 0.01, 0, 0.02 beyond the true mask
    assert rows["hot"].endswith("+156.7 +- 29.6")  # 0.01, 0.02, 0.017 beyond the default
    assert "+-" not in rows["true mask"] and "+-" not in rows["threshold 0.2, 2 px *"]

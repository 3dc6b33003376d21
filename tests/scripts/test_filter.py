"""``kumosan filter`` as a person runs it, with a classifier that knows bright from dark."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from affine import Affine
from PIL import Image

from kumosan.datasets.bands import BandSet
from kumosan.datasets.catalog import is_clear, rows_to_learn
from kumosan.datasets.configuration import as_json
from kumosan.datasets.manifest import read_lines
from kumosan.datasets.samples import CANONICAL_BANDS
from kumosan.datasets.tile import Tile
from kumosan.datasets.weights import ModelCard, load_weights, save_weights
from kumosan.datasets.write import write_tile
from kumosan.detection.classifier_network import ClassifierNet, VggConfig

from .running import answer as answered
from .running import run as kumosan

RGB = BandSet(tuple(CANONICAL_BANDS)[:3])


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """One channel a layer passes the blue band on: P(clear) falls with its brightness."""
    net = ClassifierNet(config := VggConfig(11, 1 / 64))
    with torch.no_grad():
        for layer in net.features:
            if isinstance(layer, torch.nn.Conv2d):
                layer.weight.zero_(), layer.bias.zero_()
                layer.weight[0, 0, 1, 1] = 1
        net.features[0].bias[0] = 2  # companded values start at -2
        net.head[1].weight.zero_()
        net.head[1].weight[0, 0], net.head[1].bias[0] = -4, 7
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    card = ModelCard("classifier", as_json(config), CANONICAL_BANDS.names, 1.0, {"clear": 0.5})
    save_weights(path, net.state_dict(), card)
    return path


@pytest.fixture
def patches(tmp_path):
    folder = tmp_path / "patches"
    folder.mkdir()
    for i, level in enumerate((0.05, 0.1, 0.15, 0.5, 0.6, 0.7)):
        data = np.full((3, 32, 32), level, np.float32)
        write_tile(folder / f"s_{i:05d}.tif", Tile(data, RGB, Affine(10, 0, 3e5, 0, -10, 5e6)))
    (folder / "manifest.jsonl").write_text("")
    return folder


run = partial(kumosan, "filter")
answer = partial(answered, "filter")


def tifs(folder) -> list[str]:
    return sorted(p.name for p in folder.glob("*.tif"))


DARK, BRIGHT = [f"s_{i:05d}.tif" for i in range(3)], [f"s_{i:05d}.tif" for i in range(3, 6)]


def test_the_clear_ones_are_kept_and_all_are_scored(patches, weights, tmp_path):
    out = tmp_path / "out"
    told = answer(patches, "-o", out, "--weights", weights)
    assert (told["patches"], told["kept"], told["threshold"]) == (6, 3, 0.5)
    assert tifs(out) == DARK
    rows = read_lines(out / "manifest.jsonl")
    assert [row["kept"] for row in rows] == [True] * 3 + [False] * 3
    chances = [row["p_clear"] for row in rows]
    assert chances == sorted(chances, reverse=True) and 0 < chances[-1] < chances[0] < 1
    table = (out / "scores.csv").read_text().splitlines()
    assert table[0] == "path,p_clear,kept" and len(table) == 7
    assert table[1] == f"{patches / DARK[0]},{chances[0]},1"
    with Image.open(out / "borderline.png") as picture:
        assert picture.width > 6 * 180 and picture.height > 180


def test_the_clear_ones_are_a_catalogue_to_train_on(patches, weights, tmp_path):
    out, cut = tmp_path / "out", [{"file": name, "source": "scene.tif"} for name in DARK]
    (patches / "manifest.jsonl").write_text("".join(json.dumps(line) + "\n" for line in cut))
    answer(patches, "-o", out, "--weights", weights)
    rows = rows_to_learn(out, "train")
    assert [row.id for row in rows] == DARK and all(map(is_clear, rows))
    assert {row.group for row in rows} == {"scene"}
    answer(patches, "-o", out, "--weights", weights, "--keep", "cloudy", "--overwrite")
    assert not (out / "catalog.json").exists()


def test_keep_and_threshold_choose(patches, weights, tmp_path):
    assert (
        answer(patches, "-o", tmp_path / "a", "--weights", weights, "--keep", "cloudy")["kept"] == 3
    )
    assert tifs(tmp_path / "a") == BRIGHT
    rows = read_lines(tmp_path / "a" / "manifest.jsonl")
    above = rows[0]["p_clear"] - 1e-5
    answer(patches, "-o", tmp_path / "b", "--weights", weights, "--threshold", above)
    assert tifs(tmp_path / "b") == DARK[:1]
    assert run(patches, "-o", tmp_path / "c", "--threshold", "1.5").exit_code == 3


@pytest.mark.parametrize("link", ["hard", "symlink", "copy"])
def test_links(patches, weights, tmp_path, link):
    (patches / DARK[0]).chmod(0o444)
    answer(patches, "-o", tmp_path / "out", "--weights", weights, "--link", link)
    kept, source = tmp_path / "out" / DARK[0], patches / DARK[0]
    assert kept.read_bytes() == source.read_bytes()
    assert kept.is_symlink() == (link == "symlink")
    assert kept.samefile(source) == (link != "copy")


def test_dry_run_writes_nothing(patches, weights, tmp_path):
    told = answer(patches, "-o", tmp_path / "out", "--weights", weights, "--dry-run")
    assert told["patches"] == 6 and told["dry_run"] and not (tmp_path / "out").exists()


def test_an_output_that_is_there_is_refused_and_replaced_on_demand(patches, weights, tmp_path):
    out = tmp_path / "out"
    answer(patches, "-o", out, "--weights", weights)
    (out / "mine.txt").write_text("stays")
    refused = run(patches, "-o", out, "--weights", weights)
    assert refused.exit_code == 2 and "--overwrite" in refused.stderr
    answer(patches, "-o", out, "--weights", weights, "--keep", "cloudy", "--overwrite")
    assert tifs(out) == BRIGHT and (out / "mine.txt").exists()
    assert tifs(patches) == DARK + BRIGHT


def test_the_folder_of_the_patches_is_no_output(patches, weights):
    done = run(patches, "-o", patches, "--weights", weights, "--overwrite")
    assert done.exit_code == 2 and "is where the patches are" in done.stderr


def test_a_bad_patch_does_not_stop_the_others(patches, weights, tmp_path):
    out = tmp_path / "out"
    (patches / "t.tif").write_bytes(b"no raster")
    done = run(patches, "-o", out, "--weights", weights)
    assert done.exit_code == 4 and "t.tif was left out" in done.stderr
    assert tifs(out) == DARK
    *_, last = read_lines(out / "manifest.jsonl")
    assert last["p_clear"] is None and not last["kept"] and "t.tif" in last["problem"]


def test_nothing_is_written_when_all_patches_are_bad(patches, weights, tmp_path):
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "t.tif").write_bytes(b"no raster")
    done = run(tmp_path / "bad", "-o", tmp_path / "out", "--weights", weights)
    assert done.exit_code == 3 and "t.tif" in done.stderr
    assert not (tmp_path / "out").exists()


def test_patches_without_data_are_never_kept(patches, weights, tmp_path):
    data = np.full((3, 32, 32), np.nan, np.float32)
    write_tile(patches / "void.tif", Tile(data, RGB, Affine(10, 0, 3e5, 0, -10, 5e6)))
    for keep in ("clear", "cloudy"):
        told = answer(patches, "-o", tmp_path / keep, "--weights", weights, "--keep", keep)
        assert (told["kept"], told["empty"]) == (3, 1)
    assert read_lines(tmp_path / "clear" / "manifest.jsonl")[-1]["p_clear"] is None


def test_patches_of_one_name_are_refused(patches, weights, tmp_path):
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / DARK[0]).write_bytes((patches / DARK[0]).read_bytes())
    done = run(patches, tmp_path / "more", "-o", tmp_path / "out", "--weights", weights)
    assert done.exit_code == 2 and "different names" in done.stderr


def test_an_empty_or_missing_folder_is_refused(tmp_path, weights):
    (tmp_path / "none").mkdir()
    for place in ("none", "missing"):
        assert run(tmp_path / place, "-o", tmp_path / "out", "--weights", weights).exit_code == 3


def test_weights_of_another_kind_exit_5(patches, weights, tmp_path):
    from kumosan.datasets.weights import load_weights

    card, state = load_weights(weights, "classifier")
    save_weights(tmp_path / "w.safetensors", state, replace(card, kind="segmenter"))
    done = run(patches, "-o", tmp_path / "out", "--weights", tmp_path / "w.safetensors")
    assert done.exit_code == 5 and "segmenter" in done.stderr
    (tmp_path / "w.pt").write_bytes(b"\x80\x04pickle")
    done = run(patches, "-o", tmp_path / "out", "--weights", tmp_path / "w.pt")
    assert done.exit_code == 5 and "pickled" in done.stderr


def test_one_answer_for_all_is_a_broken_network(patches, weights, tmp_path):
    from kumosan.datasets.weights import load_weights

    card, state = load_weights(weights, "classifier")
    state["head.1.weight"] *= 0
    save_weights(tmp_path / "w.safetensors", state, card)
    for i in range(2):
        (patches / f"u{i}.tif").write_bytes((patches / DARK[0]).read_bytes())
    done = run(patches, "-o", tmp_path / "out", "--weights", tmp_path / "w.safetensors")
    assert done.exit_code == 5 and "the same for all of 8 patches" in done.stderr


def test_what_the_threshold_reached_is_told(patches, weights, tmp_path):
    """A threshold that is not as precise as was wished for must not look so."""
    card, state = load_weights(weights, "classifier")
    told = tmp_path / "told.safetensors"
    save_weights(told, state, replace(card, scores={"held_out": {"precision": 0.83}}))
    words = (patches, "-o", tmp_path / "out", "--dry-run", "--weights")
    assert "83 % of the held-out patches" in run(*words, told).output
    assert answer(*words, told)["held_out_precision"] == 0.83
    assert answer(*words, weights)["held_out_precision"] is None

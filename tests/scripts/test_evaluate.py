"""``kumosan evaluate masks`` as a person runs it."""

import json
import shutil
from dataclasses import replace
from functools import partial

import pytest

from kumosan.datasets.weights import load_weights, save_weights

from .running import run as kumosan

run = partial(kumosan, "evaluate", "masks")


def test_table_json_and_page(labelled, tmp_path):
    out = tmp_path / "report"
    done = run(labelled, "--detector", "hot", "--detector", "braaten", "-o", out)
    assert done.exit_code == 0, done.output
    assert "| hot | cloud | 1.000 | 1.000 |" in done.stdout
    assert "Agreement" not in done.stdout
    assert sorted(p.name for p in out.iterdir()) == ["evaluation.html", "evaluation.json"]
    report = json.loads((out / "evaluation.json").read_text())
    (part,) = report["parts"].values()
    assert list(part["detectors"]) == ["hot", "braaten"]
    assert part["detectors"]["hot"]["views"]["cloud"]["iou"] == 1
    assert (out / "evaluation.html").stat().st_size < 5e6


def test_the_default_is_every_detector_of_auto(labelled, tmp_path):
    done = run(labelled / "catalog.json", "-o", tmp_path / "r", "--kind", "all", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert len(told["parts"]) == 2
    people = told["parts"]["Accuracy against people's labels"]
    assert people["hot"]["cloud"] == 1
    assert people["fmask"]["cloud"] is None


def test_same_seed_same_report_and_another_place(labelled, tmp_path):
    other = tmp_path / "elsewhere" / "set"
    shutil.copytree(labelled, other)
    texts = []
    for i, folder in enumerate((labelled, labelled, other)):
        out = tmp_path / f"r{i}"
        assert run(folder, "--detector", "hot", "-o", out, "--seed", 3).exit_code == 0
        report = json.loads((out / "evaluation.json").read_text())
        assert report.pop("seed") == 3
        for part in report["parts"].values():
            part["detectors"]["hot"].pop("seconds")
        texts.append(report["parts"])
    assert texts[0] == texts[1] == texts[2]


def test_folds_judge_what_they_have_not_seen(labelled, tmp_path, weights):
    card, state = load_weights(weights, "segmenter")
    folds = []
    for k in range(2):
        path = tmp_path / f"{k}.safetensors"
        save_weights(path, state, replace(card, training={"fold": {"number": k, "of": 2}}))
        folds += ["--fold-weights", path]
    done = run(labelled, "--detector", "hot", *folds, "-o", tmp_path / "r", "--json")
    assert done.exit_code == 0, done.output
    report = json.loads((tmp_path / "r" / "evaluation.json").read_text())
    (part,) = report["parts"].values()
    fitted = {name: of["fitted"] for name, of in part["detectors"].items()}
    assert fitted == {"hot": 2, "unet, cross-validated": 2, "fmask-unet, cross-validated": 0}


def test_dry_run_writes_nothing(labelled, tmp_path):
    done = run(labelled, "-o", tmp_path / "r", "--dry-run")
    assert done.exit_code == 0, done.output
    assert "evaluation.html" in done.stdout
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--detector", "nobody"], 2, "no detector called 'nobody'"),
        (["--split", "train"], 2, "has the splits test"),
        (["-o", "{labelled}"], 2, "exists already"),
        (["--kind", "machine"], 2, "machine"),
    ],
)
def test_mistakes_are_told_before_any_work(labelled, tmp_path, words, code, said):
    words = [w.format(labelled=labelled) for w in words]
    if "-o" not in words:
        words += ["-o", tmp_path / "r"]
    done = run(labelled, *words)
    assert done.exit_code == code, done.output
    assert said in done.output
    assert not (tmp_path / "r").exists()


def test_no_catalogue(tmp_path):
    done = run(tmp_path / "none", "-o", tmp_path / "r")
    assert done.exit_code == 3
    assert "does not exist" in done.output


def test_a_spoilt_image_leaves_no_report(labelled, tmp_path):
    (labelled / "1.tif").write_bytes(b"no image")
    done = run(labelled, "--detector", "hot", "-o", tmp_path / "r")
    assert done.exit_code == 3, done.output
    assert not (tmp_path / "r").exists()

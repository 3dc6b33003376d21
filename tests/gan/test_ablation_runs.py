"""Runs of an ablation: every cell once, whatever was stopped, and nothing mixed."""

from dataclasses import replace

import pytest

from kumosan.datasets.errors import OutputError
from kumosan.gan.ablation import Ablation, Ground
from kumosan.gan.ablation_results import RESULTS, read_scores
from kumosan.gan.ablation_runs import run, steps
from kumosan.gan.train_config import Adversary, GanConfig, GanTraining, Source

ASKED = Ablation(
    (Ground("landscape", count=1, size=40),), methods=("identity", "idw"), bands=(3, 6),
    clouds=("haze", "cirrus"), seeds=(0,),
)  # fmt: skip


class Stop(Exception):
    pass


def cells(path):
    return [s.cell for s in read_scores(path) if s.hidden == "all"]


def test_a_stopped_run_ends_as_one_that_was_not(tmp_path):
    whole = read_scores(run(ASKED, None, tmp_path / "whole"))
    assert len(cells(tmp_path / "whole" / RESULTS)) == 8

    def stop(what, number, total, left):
        if number == 2:
            raise Stop

    with pytest.raises(Stop):
        run(ASKED, None, tmp_path / "parts", stop)
    assert len(cells(tmp_path / "parts" / RESULTS)) == 4
    told = []
    again = read_scores(run(ASKED, None, tmp_path / "parts", lambda *facts: told.append(facts)))
    assert [facts[1:3] for facts in told] == [(2, 2)]
    assert [repr(replace(s, seconds=0)) for s in again] == [
        repr(replace(s, seconds=0)) for s in whole
    ]


def test_only_what_is_new_is_measured(tmp_path):
    path = run(ASKED, None, tmp_path)
    before = {s.cell: s.seconds for s in read_scores(path)}
    run(replace(ASKED, methods=("telea", "identity", "idw"), bands=(3, 4, 6)), None, tmp_path)
    after = {s.cell: s.seconds for s in read_scores(path)}
    assert len(after) == 2 * 3 * 3
    assert {cell: after[cell] for cell in before} == before
    assert [c[3:] for c in cells(path)][:4] == [
        (3, "telea"), (3, "identity"), (3, "idw"), (4, "telea")
    ]  # fmt: skip


def test_results_of_another_ablation_are_not_mixed_in(tmp_path):
    run(ASKED, None, tmp_path)
    other = replace(ASKED, cover=(0.3, 0.4))
    with pytest.raises(OutputError, match="another ablation"):
        run(other, None, tmp_path)
    run(replace(other, methods=("idw",)), None, tmp_path, overwrite=True)
    assert {c.method for c in cells(tmp_path / RESULTS)} == {"idw"}


def test_methods_differ_as_they_should(tmp_path):
    asked = replace(ASKED, methods=("identity", "temporal"), clouds=("cumulus",))
    by = {(s.method, s.hidden): s for s in read_scores(run(asked, None, tmp_path))}
    assert by["identity", "thick"].filled == 0 and by["temporal", "thick"].filled == 1
    assert by["temporal", "thick"].mae < by["identity", "thick"].mae / 5


def test_ground_without_so_many_bands_is_left_out(tmp_path):
    path = run(replace(ASKED, bands=(3, 225)), None, tmp_path)
    assert {c.bands for c in cells(path)} == {3}


def test_steps_take_all_ground_of_one_seed_first():
    asked = replace(ASKED, ground=(Ground("landscape", count=2, size=40),), seeds=(4, 1))
    found = steps(asked, None)
    assert [s[2] for s in found] == [4] * 4 + [1] * 4
    assert [s[1] for s in found[:2]] == ["haze", "cirrus"]


def test_a_network_is_trained_once_for_each_set_and_seed(tmp_path):
    from kumosan.datasets.vision import torchvision

    torchvision()  # before lightning, which imports it
    pytest.importorskip("lightning", reason="the extra train is not installed")
    training = GanTraining(
        epochs=1, constant_epochs=1, samples=2, batch_size=2, crop=32, workers=0, picture_epochs=0
    )
    gan = GanConfig(
        (Source("landscape", count=1, size=32, presets=("haze",)),),
        network={"channels": [8, 16]}, adversary=Adversary(0.0), training=training,
    )  # fmt: skip
    asked = replace(ASKED, methods=("identity", "gan"), clouds=("haze",), gan=gan)
    run(asked, None, tmp_path)
    made = {p: p.stat().st_mtime_ns for p in sorted(tmp_path.glob("gan/*/*/*.safetensors"))}
    assert [str(p.parent.relative_to(tmp_path)) for p in made] == [
        "gan/3_bands/s0",
        "gan/6_bands/s0",
    ]
    by = {(s.method, s.bands): s for s in read_scores(tmp_path / RESULTS) if s.hidden == "thin"}
    assert by["gan", 3].filled == by["gan", 6].filled == 1
    assert by["gan", 3].rmse != by["gan", 6].rmse
    run(replace(asked, clouds=("haze", "cirrus")), None, tmp_path)
    assert {p: p.stat().st_mtime_ns for p in made} == made

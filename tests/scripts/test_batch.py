"""kumosan batch on workers in this process: what is done, skipped, done again, and told."""

import json
import os
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kumosan.datasets import bucket
from kumosan.datasets.manifest import read_lines
from kumosan.scripts.main import app

pytest.importorskip("distributed", reason="the extra cluster is not installed")


@pytest.fixture(scope="module")
def scheduler():
    """Address of a scheduler with two workers, threads of this process."""
    from distributed import LocalCluster

    with LocalCluster(
        n_workers=2,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        host="127.0.0.1",
        dashboard_address=None,
        silence_logs="CRITICAL",
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def batch(scheduler, tmp_path):
    """Runs ``kumosan batch``; without ``-o`` the outputs go to ``out``."""

    def run(*words):
        words = ("batch", *words, "--detector", "hot", "--json")
        words += ("-o", tmp_path / "out") if "-o" not in words else ()
        return CliRunner().invoke(app, [*map(str, words), "--scheduler", scheduler])

    return run


def told(done, code=0) -> dict:
    assert done.exit_code == code, done.output
    return json.loads(done.stdout.splitlines()[-1])


def records(tmp_path, state="done"):
    return [r for r in read_lines(tmp_path / "out" / "manifest.jsonl") if r["state"] == state]


def files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_every_scene_gets_the_folder_that_clean_writes(batch, small_scenes, tmp_path):
    facts = told(batch(small_scenes))
    assert (facts["done"], facts["failed"], facts["skipped"]) == (4, 0, 0)
    alone = ["clean", str(small_scenes / "s2.tif"), "--detector", "hot", "-o", str(tmp_path / "s2")]
    assert CliRunner().invoke(app, alone).exit_code == 0
    assert files(tmp_path / "out" / "s2") == files(tmp_path / "s2")
    record = next(r for r in records(tmp_path) if r["name"] == "s2")
    assert set(record["outputs"]) == set(files(tmp_path / "s2"))
    assert record["cover"]["thick_cloud"] > 5
    assert not list((tmp_path / "out").glob(".kumosan-*"))


def test_mask_only_writes_the_mask_of_clean_and_takes_away_what_is_outdated(
    batch, small_scenes, tmp_path
):
    told(batch(small_scenes / "s0.tif"))
    mask = (tmp_path / "out" / "s0" / "s0_mask.tif").read_bytes()
    (tmp_path / "out" / "s0" / "mine.txt").write_text("stays")
    assert told(batch(small_scenes / "s0.tif", "--mask-only", "--resume"))["done"] == 1
    left = files(tmp_path / "out" / "s0")
    assert left["s0_mask.tif"] == mask
    assert set(left) == {"mine.txt", "s0_mask.tif", "s0_mask.qml"}


def test_a_bad_scene_costs_only_itself_and_is_tried_again(batch, small_scenes, tmp_path):
    good = (small_scenes / "s1.tif").read_bytes()
    (small_scenes / "s1.tif").write_bytes(b"")
    done = batch(small_scenes)
    facts = told(done, code=4)
    assert (facts["done"], facts["failed"]) == (3, 1)
    (failure,) = facts["failures"]
    assert failure["kind"] == "FileError" and "zero bytes" in failure["reason"]
    assert "s1.tif failed" in done.stderr
    assert not (tmp_path / "out" / "s1").exists()
    (small_scenes / "s1.tif").write_bytes(good)
    facts = told(batch(small_scenes, "--resume"))
    assert (facts["done"], facts["skipped"]) == (4, 3)
    assert len(records(tmp_path)) == 4


def test_resume_does_again_what_changed_and_nothing_else(batch, small_scenes, tmp_path):
    told(batch(small_scenes))
    out = tmp_path / "out"
    assert told(batch(small_scenes, "--resume"))["skipped"] == 4
    os.utime(out / "s0" / "s0_mask.tif")  # touched: its content proves it
    assert told(batch(small_scenes, "--resume"))["skipped"] == 4
    os.utime(small_scenes / "s0.tif", (1, 1))  # the input
    one = bytearray((out / "s1" / "s1_clean.tif").read_bytes())
    one[-1] ^= 1
    (out / "s1" / "s1_clean.tif").write_bytes(one)  # a flipped bit of an output
    shutil.rmtree(out / "s2")
    facts = told(batch(small_scenes, "--resume"))
    assert (facts["done"], facts["skipped"]) == (4, 1)
    assert sorted(r["name"] for r in records(tmp_path)[4:]) == ["s0", "s1", "s2"]
    assert told(batch(small_scenes, "--resume", "--buffer-m", 0))["skipped"] == 0


def test_an_earlier_batch_is_refused_without_resume_or_overwrite(batch, small_scenes, tmp_path):
    told(batch(small_scenes))
    before = files(tmp_path / "out" / "s0")
    done = batch(small_scenes)
    assert done.exit_code == 2 and "--resume" in done.stderr
    assert told(batch(small_scenes, "--overwrite"))["skipped"] == 0
    assert files(tmp_path / "out" / "s0") == before


def test_a_folder_of_somebody_else_is_refused_before_any_work(batch, small_scenes, tmp_path):
    (tmp_path / "out" / "s3").mkdir(parents=True)
    (tmp_path / "out" / "s3" / "mine.txt").write_text("mine")
    done = batch(small_scenes)
    assert done.exit_code == 2 and "s3" in done.stderr
    assert [p.name for p in (tmp_path / "out").glob("s*")] == ["s3"]


def test_scenes_of_one_name_get_folders_of_their_own_that_they_keep(batch, small_scenes, tmp_path):
    (tmp_path / "other").mkdir()
    shutil.copy(small_scenes / "s0.tif", tmp_path / "other" / "S0.tif")
    told(batch(small_scenes / "s0.tif", tmp_path / "other" / "S0.tif"))
    names = {r["scene"]: r["name"] for r in records(tmp_path)}
    assert len({name.lower() for name in names.values()}) == 2
    facts = told(batch(tmp_path / "other" / "S0.tif", "--resume"))
    assert facts["skipped"] == 1


def test_the_report_tells_the_state_and_runs_nothing(batch, small_scenes, tmp_path):
    (small_scenes / "bad.tif").write_bytes(b"no raster")
    assert batch(small_scenes).exit_code == 4
    before = (tmp_path / "out" / "manifest.jsonl").read_bytes()
    facts = told(batch("--report"))
    assert (facts["done"], facts["failed"], facts["queued"]) == (4, 1, 0)
    assert (tmp_path / "out" / "manifest.jsonl").read_bytes() == before


def test_a_dry_run_names_the_folders_and_makes_none(batch, small_scenes, tmp_path):
    facts = told(batch(small_scenes, "--dry-run"))
    assert [item["name"] for item in facts["todo"]] == ["s0", "s1", "s2", "s3"]
    assert not (tmp_path / "out").exists()


def test_two_batches_on_one_output_do_not_mix(batch, small_scenes, tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out" / ".manifest.jsonl.lock"):
        done = batch(small_scenes)
    assert done.exit_code == 2 and "another batch" in done.stderr
    assert told(batch(small_scenes))["done"] == 4


def test_a_torn_line_of_a_killed_batch_does_not_stop_the_next(batch, small_scenes, tmp_path):
    told(batch(small_scenes))
    with (tmp_path / "out" / "manifest.jsonl").open("a") as file:
        file.write('{"state": "done", "scene": "/x')
    assert told(batch(small_scenes, "--resume"))["skipped"] == 4


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "no scenes"),
        (("s.tif", "--workers", "2"), "--workers with --scheduler"),
        (("s.tif", "-o", "s3://bucket/out"), "--manifest"),
        (("none/*.tif",), "no scene in"),
        (("s.tif", "--filler", "nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_meant_is_refused(batch, words, said, tmp_path):
    done = batch(*words)
    assert done.exit_code in (2, 3) and said in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_scheduler_that_is_not_there_is_named(small_scenes, tmp_path, monkeypatch):
    monkeypatch.setattr("kumosan.scripts.batch_cluster.CONNECT_S", 1)
    words = [
        "batch",
        str(small_scenes),
        "-o",
        str(tmp_path / "o"),
        "--scheduler",
        "tcp://127.0.0.1:9",
    ]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2 and "tcp://127.0.0.1:9" in done.stderr


def test_scenes_and_outputs_may_lie_in_a_bucket(batch, small_scenes, tmp_path, s3):
    s3.put(str(small_scenes), "scenes/in", recursive=True)
    lines = ("--manifest", tmp_path / "m.jsonl", "-o", "s3://scenes/out")
    assert told(batch("/vsis3/scenes/in/*.tif", *lines))["done"] == 4
    assert told(batch(small_scenes))["done"] == 4
    there = {name for name, _, _ in bucket.facts("s3://scenes/out/s1")}
    assert there == set(files(tmp_path / "out" / "s1"))
    mask = s3.cat_file("scenes/out/s1/s1_mask.tif")
    assert mask == (tmp_path / "out" / "s1" / "s1_mask.tif").read_bytes()
    assert told(batch("s3://scenes/in", *lines, "--resume"))["skipped"] == 4
    s3.rm("scenes/out/s1/s1_mask.tif")
    s3.put_file(str(small_scenes / "s3.tif"), "scenes/in/s0.tif")
    facts = told(batch("s3://scenes/in", *lines, "--resume"))
    assert (facts["done"], facts["skipped"]) == (4, 2)

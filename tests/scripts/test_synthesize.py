"""``kumosan synthesize`` as a person runs it."""

from functools import partial

import pytest

from kumosan.datasets.manifest import read_lines

from .running import answer as answered
from .running import run as kumosan

SMALL = ("--size", "48", "--bands-from", "superdove")


run = partial(kumosan, "synthesize")
answer = partial(answered, "synthesize")


def contents(folder) -> dict:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_one_and_two_workers_write_the_same_bytes(tmp_path):
    for workers in (1, 2):
        out = tmp_path / f"w{workers}"
        told = answer(
            "-o", out, "--n", 4, "--seed", 7, "--workers", workers, "--preset", "mixed,haze",
            "--preview", *SMALL,
        )  # fmt: skip
        assert told["written"] == 4
    one = contents(tmp_path / "w1")
    assert one == contents(tmp_path / "w2")
    assert {"00003_clear.tif", "00003_cloudy.tif", "00003_mask.tif", "preview.png"} <= set(one)
    lines = read_lines(tmp_path / "w1" / "manifest.jsonl")
    assert [line["id"] for line in lines] == ["00000", "00001", "00002", "00003"]
    assert {"tau_550", "sun_zenith_deg", "base_m", "seed"} <= set(lines[0]["layers"][0])
    assert abs(sum(lines[0]["cover"].values()) - 1) < 1e-5


def test_a_second_run_goes_on_with_more_pairs_from_clear_tiles(tmp_path):
    answer("-o", tmp_path / "a", "--n", 2, *SMALL)
    first = answer(tmp_path / "a", "-o", tmp_path / "b", "--n", 2, "--size", 32)
    assert [p.rsplit("/", 1)[1] for p in first["clear"]] == ["00000_clear.tif", "00001_clear.tif"]
    more = answer(tmp_path / "a", "-o", tmp_path / "b", "--n", 3, "--size", 32)
    assert (more["written"], more["skipped"]) == (1, 2)
    refused = run(tmp_path / "a", "-o", tmp_path / "b", "--n", 3, "--size", 40)
    assert refused.exit_code == 2 and "--overwrite" in refused.stderr
    anew = answer(tmp_path / "a", "-o", tmp_path / "b", "--n", 1, "--size", 40, "--overwrite")
    assert (anew["written"], anew["skipped"]) == (1, 0)
    assert len(list((tmp_path / "b").glob("*.tif"))) == 3


def test_dry_run_writes_nothing(tmp_path):
    done = run("-o", tmp_path / "out", "--n", 5, "--dry-run")
    assert done.exit_code == 0 and "5 pairs would be written" in done.stdout
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["{none}"], 3, "none.tif"),
        (["{empty}"], 3, "no clear tile"),
        (["--preset", "cotton"], 2, "one of cumulus"),
        (["--bands-from", "hubble"], 2, "sentinel-2a"),
        (["--sensor", "sentinel-2a"], 2, "--bands-from"),
        (["-o", "{none}/x"], 2, "folder"),
        (["--n", "0"], 2, "--n"),
        (["--workers", "0"], 2, "--workers"),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, list) else None,
)
def test_a_mistake_gets_one_sentence_and_leaves_nothing(words, code, says, tmp_path):
    (tmp_path / "empty").mkdir()
    filled = [w.format(none=tmp_path / "none.tif", empty=tmp_path / "empty") for w in words]
    if "-o" not in filled:
        filled += ["-o", tmp_path / "out"]
    done = run(*filled)
    assert done.exit_code == code, done.output
    assert says in done.stderr
    assert [p.name for p in tmp_path.iterdir()] == ["empty"]

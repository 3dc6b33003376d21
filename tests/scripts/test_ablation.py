"""``kumosan ablation`` as a person runs it."""

import json
from functools import partial

import pytest

from .running import run as kumosan

ABLATION = """
methods = ["identity", "idw"]
bands = [3, 6]
clouds = ["haze"]
seeds = [0]
[[ground]]
kind = "landscape"
count = 1
size = 40
"""


run = partial(kumosan, "ablation")


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """(file, folder) of an ablation that was run."""
    folder = tmp_path_factory.mktemp("ablation")
    (folder / "a.toml").write_text(ABLATION)
    made = run("run", folder / "a.toml", "-o", folder / "out", "--json")
    assert made.exit_code == 0, made.output
    return folder / "a.toml", folder / "out"


def test_dry_run_lists_the_scenes_and_writes_nothing(tmp_path):
    (tmp_path / "a.toml").write_text(ABLATION)
    told = run("run", tmp_path / "a.toml", "-o", tmp_path / "out", "--dry-run", "--json")
    facts = json.loads(told.stdout)
    assert facts["fills"] == 4 and facts["scenes"] == [["landscape_1000_0", "haze", 0]]
    assert not (tmp_path / "out").exists()


def test_a_mistake_in_the_file(tmp_path):
    (tmp_path / "a.toml").write_text("bands = [1]\n" + ABLATION.replace("bands = [3, 6]", ""))
    told = run("run", tmp_path / "a.toml", "-o", tmp_path / "out")
    assert told.exit_code == 2 and "3 bands or more" in told.output


def test_the_table_is_printed_and_written(done, tmp_path):
    told = run("table", done[1], "-o", tmp_path / "t.md")
    assert told.exit_code == 0, told.output
    assert "| cloud | hidden by | method | cases | 3 bands | 6 bands |" in told.stdout
    assert "Less identity on the same bands:" in told.stdout
    assert (tmp_path / "t.md").read_text() == told.stdout
    assert run("table", done[1], "-o", tmp_path / "t.md").exit_code == 2
    facts = json.loads(run("table", done[1] / "results.csv", "--measure", "mae", "--json").stdout)
    assert [s["bands"] for s in facts["summaries"]] == [3, 6, 3, 6]
    rmse = json.loads(run("table", done[1], "--json").stdout)["summaries"]
    assert facts["summaries"][0]["values"] < rmse[0]["values"]


def test_a_finished_ablation_is_not_run_again(done):
    before = (done[1] / "results.csv").read_bytes()
    assert run("run", done[0], "-o", done[1]).exit_code == 0
    assert (done[1] / "results.csv").read_bytes() == before


def test_the_figure_is_written(done, tmp_path):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    assert run("table", done[1], "--plot", tmp_path / "f.png").exit_code == 0
    assert (tmp_path / "f.png").stat().st_size > 1000


def test_a_folder_without_results(tmp_path):
    told = run("table", tmp_path)
    assert told.exit_code == 3 and "does not exist" in told.output

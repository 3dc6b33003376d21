"""Scores on disk, and what the tables say of them."""

from dataclasses import replace
from math import nan

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kumosan.datasets.band_order import spectrometer
from kumosan.datasets.errors import FileError, MissingExtraError, OutputError, UsageError
from kumosan.datasets.tile import THICK, THIN, CloudMask, FilledTile, Tile
from kumosan.gan.ablation import Cell
from kumosan.gan.ablation_plot import draw
from kumosan.gan.ablation_results import Score, judged, read_scores, write_scores
from kumosan.gan.ablation_scenes import Scene
from kumosan.gan.ablation_summary import MIN_PIXELS, markdown, summaries


def score(ground="g0", seed=0, bands=3, method="telea", hidden="thin", rmse=0.02, pixels=100):
    return Score(ground, "haze", seed, bands, method, hidden, pixels, 1.0, rmse, rmse, 1.0, 0.1)


def grid(value, grounds=8, seeds=(0, 1), bands=(3, 6), methods=("telea", "gan")):
    """A score for every cell; ``value`` of (ground number, seed, bands, method)."""
    return [
        score(f"g{g}", s, b, m, rmse=value(g, s, b, m))
        for s in seeds
        for g in range(grounds)
        for b in bands
        for m in methods
    ]


numbers = st.one_of(st.just(nan), st.floats(0, 1e3).map(lambda x: float(f"{x:.6g}")))


scores = st.builds(score, seed=st.integers(0, 99), rmse=numbers, pixels=st.integers(0, 10**9))


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(scores, max_size=5))
def test_scores_come_back_as_they_were_written(tmp_path_factory, scores):
    path = tmp_path_factory.mktemp("scores") / "r.csv"
    write_scores(path, scores)
    assert repr(read_scores(path)) == repr(scores)  # NaN is NaN


def test_a_file_of_something_else(tmp_path):
    assert read_scores(tmp_path / "none.csv") == []
    (tmp_path / "r.csv").write_text("a,b\n1,2\n")
    with pytest.raises(FileError, match="cannot be read"):
        read_scores(tmp_path / "r.csv")


def test_only_the_visible_bands_are_judged_class_by_class():
    bands = spectrometer(64)
    clear = Tile(np.full((64, 4, 4), 0.1, np.float32), bands)
    classes = np.zeros((4, 4), np.uint8)
    classes[0], classes[1] = THIN, THICK
    made = clear.data.copy()
    made[:, 0] += np.float32(0.03)
    made[[i for i, b in enumerate(bands) if b.center_nm > 800], 0] = 0.9
    provenance = np.where(classes == THIN, 1, 0).astype(np.uint8)
    provenance[classes == THICK] = 4
    done = FilledTile(clear.with_data(made), provenance, np.ones((4, 4), np.float32))
    scene = Scene(clear, clear, CloudMask.like(clear, classes), clear)
    cell = Cell("g", "haze", 0, 64, "telea")
    found = {s.hidden: s for s in judged(cell, scene, done, 1.5)}
    assert found["thin"].rmse == pytest.approx(0.03, abs=1e-6)
    assert found["thick"].rmse == 0
    assert (found["thin"].filled, found["thick"].filled) == (1, 0)
    assert found["all"].rmse == pytest.approx(0.03 / np.sqrt(2), abs=1e-6)
    assert found["shadow"].pixels == 0 and np.isnan(found["shadow"].rmse)
    assert found["thin"].cell == cell


def test_the_mean_over_ground_and_its_spread_over_seeds():
    found = summaries(grid(lambda g, s, b, m: 0.01 * (g + 1) + 0.1 * s))
    assert all(s.values == pytest.approx((0.045, 0.145)) for s in found)
    assert "0.0950 (0.0450 to 0.1450)" in markdown(found)
    assert {(s.pieces, s.cases) for s in found} == {(8, 16)}


def test_a_difference_in_every_case_is_told_from_chance():
    rng = np.random.default_rng(0)

    def value(g, s, b, m):
        better = 0.01 if (m, b) == ("gan", 6) else 0.0
        return 0.1 + 0.03 * g - better + rng.normal(0, 1e-3)

    found = {(s.method, s.bands): s for s in summaries(grid(value))}
    assert found["gan", 6].from_bands.mean == pytest.approx(-0.01, abs=2e-3)
    assert found["gan", 6].from_bands.q < 0.01
    assert found["gan", 6].from_method.q < 0.01
    assert found["telea", 6].from_bands.q > 0.05
    assert found["gan", 3].from_bands is None and found["telea", 6].from_method is None


def test_correction_makes_no_difference_surer():
    found = summaries(grid(lambda g, s, b, m: 0.1 + 0.001 * g * (b - 3) + 0.01 * (m == "gan")))
    both = [d for s in found for d in (s.from_bands, s.from_method) if d is not None]
    assert all(d.q >= d.p for d in both)


def test_what_does_not_differ_is_no_test():
    [first, second] = summaries(grid(lambda g, s, b, m: 0.1, methods=("telea",)))
    assert first.from_bands is None
    assert (second.from_bands.mean, np.isnan(second.from_bands.p)) == (0, True)
    text = markdown([first, second])
    assert "Less the same" not in text and "| 0.1000 (0.1000 to 0.1000) | = |" in text


def test_rounding_is_no_difference():
    found = summaries(grid(lambda g, s, b, m: 0.1 + 1e-6 * b * (m == "telea")))
    assert all(np.isnan(s.from_bands.p) for s in found if s.from_bands is not None)


def test_only_cases_that_all_have_are_compared():
    scores = grid(lambda g, s, b, m: 0.5 if g == 7 else 0.1)
    lost = [s for s in scores if not (s.ground == "g7" and s.bands == 6 and s.method == "gan")]
    assert {s.cases for s in summaries(lost)} == {14}
    assert all(s.values == pytest.approx((0.1, 0.1)) for s in summaries(lost))
    few = [replace(s, pixels=MIN_PIXELS - 1) if s.ground == "g7" else s for s in scores]
    assert {s.cases for s in summaries(few)} == {14}
    assert len(summaries(few, least=14)) == 4
    with pytest.raises(UsageError, match="15 or more"):
        summaries(few, least=15)
    with pytest.raises(UsageError, match="no scene"):
        summaries([s for s in scores if s.bands == 3 or s.method == "gan"])


def test_a_figure_is_written(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    found = summaries(grid(lambda g, s, b, m: 0.1 + 0.01 * s))
    draw(found, "rmse", tmp_path / "a.svg")
    text = (tmp_path / "a.svg").read_text()
    assert "<svg" in text
    draw(found, "mae", tmp_path / "a.png")
    with pytest.raises(OutputError, match="png"):
        draw(found, "rmse", tmp_path / "a.txt")
    with pytest.raises(OutputError):
        draw(found, "rmse", tmp_path / "a.png")


def test_a_figure_without_matplotlib(tmp_path, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(MissingExtraError, match="plot"):
        draw(summaries(grid(lambda g, s, b, m: 0.1)), "rmse", tmp_path / "a.png")

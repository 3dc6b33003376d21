"""The tables of an experiment, from results written by hand."""

import pytest

from kumosan.datasets.errors import FileError, UsageError
from kumosan.detection.experiment_results import (
    COLUMNS,
    markdown,
    read_results,
    summaries,
    write_results,
)

CLASSES = "50 0 0 0 0 0 50 0 0 0 0 0 0 0 0 0 0 0 0 0"


def line(variant, seed, fold, tp, bands="all", seconds="10.0", repeated=0):
    """``tp`` of 10 cloudy pixels found, 10 clear ones right: BOA = (tp / 10 + 1) / 2."""
    counts = {"tp": tp, "fp": 0, "fn": 10 - tp, "tn": 10}
    row = dict.fromkeys(COLUMNS, "0")
    row |= {"variant": variant, "seed": seed, "fold": fold, "bands": bands, "seconds": seconds}
    row |= {f"cloud_{c}": n for c, n in counts.items()}
    row |= {f"contaminated_{c}": n for c, n in counts.items()}
    row |= {"rule_alarms": 20, "rule_alarms_repeated": repeated, "class_counts": CLASSES}
    return ",".join(str(row[c]) for c in COLUMNS)


@pytest.fixture
def results(tmp_path):
    def make(*lines):
        path = tmp_path / "results.csv"
        path.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")
        return path

    return make


def test_folds_are_pooled_and_seeds_compared_one_by_one(results):
    path = results(
        line("base", 0, 0, 4), line("base", 0, 1, 8), line("base", 1, 0, 6), line("base", 1, 1, 10),
        line("v", 0, 0, 10, repeated=5), line("v", 0, 1, 10, repeated=10, seconds="nan"),
        line("v", 1, 0, 8), line("v", 1, 1, 8, repeated=20),
    )  # fmt: skip
    base, v = summaries(read_results(path))
    assert base.values["cloud"] == pytest.approx((0.8, 0.9))
    assert v.values["cloud"] == pytest.approx((1.0, 0.9))
    assert v.differences["cloud"] == pytest.approx((0.2, 0.0))
    assert v.values["alarms repeated"] == pytest.approx((15 / 40, 20 / 40))
    text = markdown([base, v])
    assert "| base | all | 2 | 0.850 (0.800 to 0.900) | - |" in text
    assert "| v | all | 2 | 0.950 (0.900 to 1.000) | - |" in text
    assert "| v | all | 2 | +0.100 (+0.000 to +0.200) | - |" in text
    assert text.count("| base | all |") == 1
    assert "| 10 (10 to 10) |" in text


def test_a_seed_that_lacks_a_fold_waits(results):
    path = results(line("base", 0, 0, 4), line("base", 0, 1, 8), line("v", 0, 0, 10))
    (base,) = summaries(read_results(path))
    assert (base.variant, base.seeds) == ("base", (0,))
    assert "less base" not in markdown([base])


def test_bands_are_apart(results):
    path = results(line("base", 0, 0, 4), line("base", 0, 0, 2, "rgb"))
    both = summaries(read_results(path))
    assert [(s.bands, s.values["cloud"][0]) for s in both] == [("all", 0.7), ("rgb", 0.6)]


def test_what_is_written_is_read_again(results, tmp_path):
    found = read_results(results(line("base", 0, 0, 4), line("v", 1, 0, 7, repeated=3)))
    write_results(tmp_path / "again.csv", found)
    again = read_results(tmp_path / "again.csv")
    assert [r.found.views for r in again] == [r.found.views for r in found]
    assert [r.found.alarms for r in again] == [r.found.alarms for r in found]
    assert [r.trial for r in again] == [("base", 0, 0), ("v", 1, 0)]
    assert (again[0].found.classes.counts == found[0].found.classes.counts).all()


def test_no_results_and_spoilt_ones(results, tmp_path):
    assert read_results(tmp_path / "none.csv") == []
    with pytest.raises(UsageError, match="every fold"):
        summaries([])
    path = results(line("base", 0, 0, 4)[:40])
    with pytest.raises(FileError, match=r"results\.csv"):
        read_results(path)

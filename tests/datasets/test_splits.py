"""Splits by group: stable, whole, and refused when something leaks."""

import hashlib
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st

from kumosan.datasets.catalog import Row, read_catalog
from kumosan.datasets.errors import FileError, ValueRangeError
from kumosan.datasets.splits import (
    LeakError,
    check_leaks,
    find_leaks,
    fold_of,
    folds,
    position,
    split,
)

SHARES = {"train": 0.6, "val": 0.2, "test": 0.2}


@dataclass(frozen=True)
class Place:
    group: str
    n: int = 0


names = st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=40)


def test_the_position_is_the_hash():
    digest = hashlib.sha256(b"3:alps").hexdigest()
    assert position("alps", 3) == pytest.approx(int(digest[:16], 16) / 2**64, abs=1e-15)
    assert 0 <= position("alps", 3) < 1


@given(names, names)
def test_more_rows_never_move_the_others(first, more):
    before = split([Place(g) for g in first], SHARES)
    after = split([Place(g) for g in first + more], SHARES)
    for side in SHARES:
        assert set(before[side]) <= set(after[side])


@given(names, st.integers(2, 6), st.integers(0, 5))
def test_folds_partition_and_keep_groups_together(groups, k, seed):
    rows = [Place(g, i) for i, g in enumerate(groups)]
    parts = folds(rows, k, seed)
    assert len(parts) == k
    validation = [r for _, val in parts for r in val]
    assert sorted(r.n for r in validation) == list(range(len(rows)))
    for train, val in parts:
        assert len(train) + len(val) == len(rows)
        assert not {r.group for r in train} & {r.group for r in val}


def test_shares_are_met_and_the_seed_matters():
    rows = [Place(f"place {i}") for i in range(2000)]
    counts = {side: len(v) for side, v in split(rows, SHARES).items()}
    assert counts["train"] == pytest.approx(1200, abs=90)  # 4 sigma of a binomial
    assert counts["val"] == pytest.approx(400, abs=72)
    assert split(rows, SHARES, seed=1)["val"] != split(rows, SHARES)["val"]
    assert split(rows, {"a": 1.0, "b": 0.0}) == {"a": rows, "b": []}
    assert {fold_of(r.group, 5) for r in rows} == set(range(5))


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}])
def test_shares_that_make_no_sense(shares):
    with pytest.raises(ValueRangeError):
        split([Place("x")], shares)


def test_a_row_without_a_group_and_one_fold():
    with pytest.raises(ValueRangeError, match="group"):
        split([Place("")], SHARES)
    with pytest.raises(ValueRangeError, match="folds"):
        folds([Place("a")], 1)


def row(path: Path, group: str) -> Row:
    return Row(path.name, path, None, "train", group, "S2", "none", "none", frozenset())


def at(x: float, y: float = 5_000_000) -> Affine:
    return Affine(30, 0, x, 0, -30, y)


@pytest.fixture
def image(make_tif):
    def make(name: str, x: float = 300_000, crs="EPSG:32633", value=1, shape=(10, 10), **more):
        data = np.full((1, *shape), value, np.uint16)
        return make_tif(data, name, transform=at(x), crs=crs, **more)

    return make


def why(train: list[Row], test: list[Row]) -> set[str]:
    return {leak.why for leak in find_leaks({"train": train, "test": test})}


def test_the_same_group_leaks(image):
    a, b = row(image("a.tif"), "alps"), row(image("b.tif", 900_000, value=2), "alps")
    assert why([a], [b]) == {"group"}
    with pytest.raises(LeakError, match=r"a\.tif \(train\) and b\.tif \(test\): group"):
        check_leaks({"train": [a], "test": [b]})
    check_leaks({"train": [a, b], "test": []})


def test_copies_and_links_leak(image, tmp_path):
    a = image("a.tif", crs=None)
    shutil.copy(a, tmp_path / "copy.tif")
    (tmp_path / "link.tif").symlink_to(a)
    assert why([row(a, "x")], [row(tmp_path / "copy.tif", "y")]) == {"same bytes"}
    link = row(tmp_path / "link.tif", "y")
    assert why([row(a, "x")], [link]) == {"same bytes", "same file"}
    other = image("c.tif", crs=None, value=2)  # as many bytes, other numbers
    assert other.stat().st_size == a.stat().st_size
    assert why([row(a, "x")], [row(other, "y")]) == set()


@pytest.mark.parametrize(
    ("x", "crs", "leaks"),
    [
        (300_270, "EPSG:32633", True),  # one column of 30 m in common
        (300_300, "EPSG:32633", False),  # side by side
        (300_000, "EPSG:32634", False),  # another zone: not compared
    ],
)
def test_footprints_that_overlap_leak(image, x, crs, leaks):
    a, b = row(image("a.tif"), "x"), row(image("b.tif", x, crs, value=2), "y")
    assert why([a], [b]) == ({"overlap"} if leaks else set())


def test_an_image_that_cannot_be_read_is_not_passed_over(tmp_path):
    path = tmp_path / "a.tif"
    path.write_bytes(b"nothing")
    with pytest.raises(FileError, match="footprint"):
        check_leaks({"train": [row(path, "x")]})


def test_the_real_splits_do_not_leak_but_careless_ones_do(data):
    rows = read_catalog(data)
    check_leaks({s: [r for r in rows if r.split == s] for s in ("train", "test")})
    east, west = (
        [r for r in rows if r.group == f"gdalcubes_l8ny_{g}"] for g in ("013032", "014032")
    )
    assert why(east, west) == {"overlap"}  # neighbouring paths share a strip of ground

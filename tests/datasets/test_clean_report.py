"""The page of a cleaned scene: its figures are those of the files, and anybody can read it."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
import rasterio
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from rasterio.crs import CRS

from kumosan.datasets import open_scene
from kumosan.datasets.bands import BLUE, GREEN, NIR, RED, BandSet
from kumosan.datasets.charts import Line, bar_chart, line_chart
from kumosan.datasets.clean_report import Told, clean_report
from kumosan.datasets.encoding import Encoding
from kumosan.datasets.html_page import page, table
from kumosan.datasets.outcome import outcome
from kumosan.datasets.tile import CloudMask, FilledTile, Tile
from kumosan.datasets.typical import Preview, typical_pixels
from kumosan.datasets.weights import ModelCard
from kumosan.datasets.write import (
    write_confidence,
    write_filled,
    write_mask,
    write_provenance,
    write_tile,
)

BANDS = BandSet((RED, GREEN, BLUE, NIR))
CARD = ModelCard("segmenter", {}, ("red",), data="twelve tiles", scores={"test": {"BOA": 0.8}})
VOID = {"meta", "img", "input", "br"}


class Reader(HTMLParser):
    """Notes elements, and whether they close in the order in which they opened."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.seen, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


@pytest.fixture(scope="module")
def cleaned(tmp_path_factory):
    """A scene of 40 x 50 pixels with a cloud, half of it filled, and all its files."""
    folder = tmp_path_factory.mktemp("cleaned")
    data = np.full((4, 40, 50), 0.1, np.float32)
    classes = np.zeros((40, 50), np.uint8)
    classes[10:30, 10:30], classes[10:30, 30:40] = 1, 3
    data[:, classes == 1] = 0.6
    data[:, :5] = np.nan
    encoding = Encoding("uint16", (1e-4,), (0.0,), 0.0)
    place = (Affine(20, 0, 5e5, 0, -20, 5e6), CRS.from_epsg(32633))
    stored = encoding.encode(data)
    write_tile(folder / "s.tif", Tile(data, BANDS, *place, encoding=encoding, stored=stored))
    scene = open_scene(folder / "s.tif")
    tile = scene.read()
    mask = CloudMask.like(tile, classes)
    provenance = np.where(tile.valid, np.where(classes == 3, 1, 0), 255).astype(np.uint8)
    provenance[10:30, 10:20], provenance[10:30, 20:30] = 2, 4
    of = {0: 1.0, 1: 0.8, 2: 0.4, 4: 0.0, 255: np.nan}
    confidence = np.vectorize(of.get)(provenance).astype(np.float32)
    new = tile.data.copy()
    new[:, (provenance == 1) | (provenance == 2)] = 0.2
    filled = FilledTile(tile.with_data(new), provenance, confidence)
    paths = {k: folder / f"s_{k}.tif" for k in ("mask", "clean", "provenance", "confidence")}
    write_mask(paths["mask"], mask)
    write_filled(paths["clean"], filled)
    write_provenance(paths["provenance"], filled)
    write_confidence(paths["confidence"], filled)
    return scene, Preview(tile, mask, filled), paths


def report(cleaned, name="s", **told) -> str:
    scene, preview, paths = cleaned
    pixels = typical_pixels(scene, preview, paths)
    return clean_report(Told(name, {"sensor": None}, {}, **told), preview, outcome(paths), pixels)


def test_the_outcome_counts_what_the_files_hold(cleaned):
    seen = outcome(cleaned[2])
    assert seen.valid == 35 * 50
    assert seen.cover["thick_cloud"] == pytest.approx(400 / 1750)
    assert seen.cloud_cover == seen.cover["thick_cloud"]
    assert seen.provenance["unfillable"] == pytest.approx(200 / 1750)
    assert {k: int(seen.confidence[k]) for k in np.flatnonzero(seen.confidence)} == {
        40: 200,
        80: 200,
    }
    assert seen.crossed()["thick_cloud"] == {"spatial": (200, 0.4), "unfillable": (200, 0.0)}


def test_rows_are_counted_whatever_their_number(cleaned, monkeypatch):
    whole = outcome(cleaned[2]).counts
    monkeypatch.setattr("kumosan.datasets.outcome._ROWS", 7)
    assert np.array_equal(outcome(cleaned[2]).counts, whole)


def test_the_pixels_to_look_at_are_what_they_are_called(cleaned):
    clear, filled = typical_pixels(*cleaned)
    classes, sources = (rasterio.open(cleaned[2][k]).read(1) for k in ("mask", "provenance"))
    assert classes[clear.row, clear.column] == 0 and clear.before == clear.after
    assert sources[filled.row, filled.column] in (1, 2)
    assert filled.after == pytest.approx([0.2] * 4) and filled.before != filled.after
    assert list(filled.nm) == sorted(filled.nm) and filled.names[0] == BLUE.name


def test_a_coarser_picture_leads_to_the_same_kind_of_pixels(cleaned):
    scene, whole, paths = cleaned
    thin = np.s_[::4, ::4]
    coarse = Preview(
        replace(whole.scene, data=whole.scene.data[:, ::4, ::4], stored=None),
        CloudMask(whole.mask.classes[thin].copy()),
        replace(
            whole.filled,
            tile=replace(whole.filled.tile, data=whole.filled.tile.data[:, ::4, ::4], stored=None),
            provenance=whole.filled.provenance[thin],
            confidence=whole.filled.confidence[thin],
        ),
        4,
    )
    clear, filled = typical_pixels(scene, coarse, paths)
    assert clear.source == "observed" and filled.source in ("spectral", "spatial")


def test_the_page_is_whole_and_says_what_a_reader_needs(cleaned):
    text = report(cleaned, files=("s_mask.tif", "item.json"), cards={"found the clouds": CARD})
    read = Reader(text)
    assert read.open == [] and len(text) < 5e6
    tags = [tag for tag, _ in read.seen]
    assert tags.count("h1") == tags.count("main") == 1
    assert all(a["alt"] for tag, a in read.seen if tag == "img")
    assert all(a["aria-label"] for tag, a in read.seen if tag == "svg" and "role" in a)
    assert ("html", {"lang": "en"}) in read.seen
    links = [a["href"] for tag, a in read.seen if tag == "a"]
    assert links == ["s_mask.tif", "item.json"]
    words = " ".join(" ".join(read.words).split())
    for part in (
        "22.9 %",
        "still cloudy",
        "mean is 60 %",
        "twelve tiles",
        "test BOA",
        "Clear ground",
    ):
        assert part in words


def test_the_page_needs_neither_scripts_nor_other_files(cleaned):
    text = re.sub(r"<script>.*?</script>", "", report(cleaned), flags=re.S)
    shown = [a for tag, a in Reader(text).seen if tag == "img" and a.get("src")]
    assert len(shown) == 4 and all(a["src"].startswith("data:image/") for a in shown)
    assert not re.search(r'(src|href)="(?!data:)', text)
    assert "Before and after in one place" not in text.replace(
        re.search(r'<div id="swipe" hidden>.*?</div></section>', text, re.S)[0], ""
    )


def test_names_of_files_cannot_become_html(cleaned):
    read = Reader(report(cleaned, name="<script>alert(1)</script>", files=('"><b>x',)))
    assert "b" not in [tag for tag, _ in read.seen]
    assert [tag for tag, _ in read.seen].count("script") == 1


def test_a_scene_without_any_cloud_or_data_has_a_page(cleaned):
    scene, preview, paths = cleaned
    for found in ([], typical_pixels(scene, preview, paths)[:1]):
        seen = replace(outcome(paths), counts=np.zeros((4, 5, 101), np.int64))
        text = clean_report(Told("s", {}, {}), preview, seen, found)
        assert "Nothing was filled" in text and Reader(text).open == []


@given(st.integers(0, 2**32 - 1))
def test_a_chart_of_any_numbers_stays_within_its_frame(seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(rng.normal(0, 3), 10.0 ** rng.integers(-6, 5), rng.integers(1, 30))
    values[rng.random(len(values)) < rng.random() / 2] = np.nan
    text = line_chart([Line("a", list(range(len(values))), values, "#123456")], "x", "y", "told")
    for x, y in re.findall(r'cx="([-\d.]+)" cy="([-\d.]+)"', text):
        assert 0 <= float(x) <= 400 and 0 <= float(y) <= 240
    assert "nan" not in text and text.count("<circle") in (0, sum(v == v for v in values))


def test_a_line_breaks_where_bands_are_missing():
    x = [*range(400, 1300, 10), *range(1500, 1700, 10)]
    line = Line("a", x, [0.1] * len(x), "#123456")
    assert line_chart([line], "nm", "y", "told").count("<polyline") == 2


def test_bars_are_as_high_as_their_share():
    heights = re.findall(r'height="([\d.]+)" fill', bar_chart([0.25, 0.75], 0, 100, "%", "told"))
    assert float(heights[1]) == pytest.approx(3 * float(heights[0]), rel=0.01)


def test_a_table_names_its_rows_and_columns():
    read = Reader(page("t", [table("what", ["name", "n"], [["a<b", 1]])]))
    scopes = [a["scope"] for tag, a in read.seen if tag == "th"]
    assert scopes == ["col", "col", "row"] and "a<b" in read.words
    assert next(a for tag, a in read.seen if a.get("role") == "group")["tabindex"] == "0"

"""Detectors on the images of a catalogue: what is scored, what is left out, what is shown."""

import json
import re
import shutil
import time
from dataclasses import dataclass, replace

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets.bands import GREEN, BandSet
from kumosan.datasets.catalog import read_catalog
from kumosan.datasets.errors import FileError, GridError, UsageError, ValueRangeError
from kumosan.datasets.tile import CloudMask
from kumosan.datasets.weights import WeightsError
from kumosan.detection.evaluation import _score, evaluate, labelled_rows
from kumosan.detection.evaluation_facts import facts, markdown
from kumosan.detection.evaluation_pictures import SIDE_PX
from kumosan.detection.evaluation_report import MAX_PICTURES_BYTES, page


@dataclass(frozen=True)
class Always:
    """Says one class everywhere, with a probability."""

    code: int
    sure: float | None = None
    bands = BandSet((GREEN,))

    def mask(self, tile):
        said = None
        if self.sure is not None:
            said = np.zeros((4, *tile.shape), np.float32)
            said[self.code], said[0] = self.sure, 1 - self.sure
        return CloudMask.like(tile, np.full(tile.shape, self.code), said)


@pytest.fixture
def rows(labelled):
    return labelled_rows(read_catalog(labelled), "test")["Accuracy against people's labels"]


def test_a_perfect_rule_and_one_that_does_not_fit(rows):
    found = evaluate(rows, {"hot": detection.get("hot"), "fmask": detection.get("fmask")})
    part = facts(found)
    hot = part["detectors"]["hot"]["views"]
    assert (hot["cloud"]["pa"], hot["cloud"]["ua"]) == (1, 1)
    assert hot["cloud"]["n"] == 2 * 48 * 62  # two columns are nodata
    assert hot["cloud"]["boundary"]["iou"] == 1
    assert hot["cloud"]["reliability"] is None
    assert hot["contaminated"]["fn"] == 100  # the shadow
    assert part["detectors"]["fmask"]["unfit"] == ["0.tif", "1.tif"]
    assert part["detectors"]["fmask"]["fitted"] == 0
    assert "does not fit: fmask (2)" in markdown(part)
    assert not [line for line in markdown(part).splitlines() if line.startswith("| fmask")]


def test_shadow_is_scored_only_where_it_was_drawn(rows):
    part = facts(evaluate(rows, {"shadow": Always(3)}))
    of = part["detectors"]["shadow"]
    assert of["views"]["shadow"]["tiles"] == 1
    assert of["views"]["shadow"]["tp"] == 100
    assert of["views"]["contaminated"]["tiles"] == 2
    drawn = 48 * 62
    counts = np.array(of["classes"]["counts"])
    assert counts[:, 3].sum() == drawn  # the other image's count as clear
    assert counts[:, 0].sum() == drawn
    assert "shadow" not in part["images"][1]["detectors"]["shadow"]


def test_a_detector_for_each_image(rows):
    """As in cross-validation: the network that has not seen the place."""
    asked = []

    def fold(row):
        asked.append(row.group)
        return Always(1) if row.group == "place 0" else Always(0)

    found = evaluate(rows, {"net": fold})
    assert asked == ["place 0", "place 1"]
    first, second = found.scores["net"]
    assert (first.views["cloud"].pa, second.views["cloud"].pa) == (1, 0)


def test_probabilities_are_checked_where_they_say_something(rows):
    views = facts(evaluate(rows, {"sure": Always(1, 0.95)}))["detectors"]["sure"]["views"]
    share = (views["cloud"]["tp"] + views["cloud"]["fn"]) / views["cloud"]["n"]
    assert views["cloud"]["reliability"]["error"] == pytest.approx(0.95 - share, abs=1e-6)
    assert views["cloud"]["reliability"]["n"][-1] == views["cloud"]["n"]
    assert views["shadow"]["reliability"] is None  # nothing was said about shadow


def test_by_sensor_and_in_json(rows):
    rows = [rows[0], replace(rows[1], sensor="other")]
    part = facts(evaluate(rows, {"all": Always(1), "none": Always(0)}))
    sensors = part["detectors"]["all"]["sensors"]
    assert list(sensors) == ["<b>camera</b>", "other"]
    assert sensors["other"]["tiles"] == 1
    assert sensors["other"]["cloud"]["pa"] == 1
    assert json.loads(json.dumps(part, allow_nan=False)) == part
    assert part["detectors"]["none"]["views"]["cloud"]["ua"] is None


def test_specks_are_dropped_as_by_the_command(rows):
    class Specks(Always):
        def mask(self, tile):
            classes = np.zeros(tile.shape, np.uint8)
            classes[::5, ::5] = 1
            return CloudMask.like(tile, classes)

    assert facts(evaluate(rows, {"s": Specks(1)}))["detectors"]["s"]["views"]["cloud"]["fp"] == 0


def test_the_worst_images_are_kept(rows):
    found = evaluate(rows, {"hot": detection.get("hot")}, worst=1)
    assert [s.row.id for s in found.worst] == ["0.tif"]  # its shadow is missed
    assert found.worst[0].image.shape == (48, 64, 3)
    both = evaluate(rows, {"hot": detection.get("hot"), "all": Always(1)}, worst=1)
    assert [s.row.id for s in both.worst] == ["1.tif", "0.tif"]  # largest error first
    assert set(both.worst[0].found) == {"hot", "all"}
    assert evaluate(rows, {"all": Always(1)}, worst=0).worst == ()


def test_images_of_two_catalogues_may_have_one_name(labelled, rows):
    """Perfect in one, all missed in the other."""
    other = labelled.parent / "other"
    shutil.copytree(labelled, other)
    both = [rows[1], read_catalog(other)[1]]
    found = evaluate(both, {"n": lambda r: detection.get("hot") if r in rows else Always(0)})
    images = facts(found)["images"]
    assert [i["detectors"]["n"]["cloud"]["pa"] for i in images] == [1, 0]
    assert [s.row.image for s in found.worst] == [other / "1.tif"]


def test_progress_is_told(rows):
    told = []
    evaluate(rows, {"all": Always(1)}, tell=lambda *n: told.append(n))
    assert told == [(1, 2), (2, 2)]


def test_what_cannot_be_compared(labelled, rows):
    with pytest.raises(ValueRangeError, match="no image"):
        evaluate([], {})
    with pytest.raises(ValueRangeError, match=r"0\.tif"):
        evaluate([replace(rows[0], mask=None)], {})
    with pytest.raises(FileError):
        (labelled / "1.tif").write_bytes(b"no image")
        evaluate(rows, {"all": Always(1)})


def test_a_mask_off_the_grid(rows):
    class Cut(Always):
        def mask(self, tile):
            return CloudMask(np.zeros((5, 5), np.uint8))

    with pytest.raises(GridError):
        evaluate(rows, {"cut": Cut(1)})


def test_people_and_machines_are_kept_apart(labelled):
    rows = read_catalog(labelled)
    assert [len(r) for r in labelled_rows(rows, "test", "all").values()] == [2, 1]
    with pytest.raises(UsageError, match="has the splits test"):
        labelled_rows(rows, "train")
    machine = [r for r in rows if r.mask_kind != "human"]
    with pytest.raises(UsageError, match="--kind all"):
        labelled_rows(machine, "test")


class TestPage:
    def make(self, rows, **settings):
        found = evaluate(rows, {"<script>": Always(1, 0.8), "hot": detection.get("hot")})
        return page("<i>title</i>", [("people & labels", facts(found), found.worst)])

    def test_it_is_one_file_without_scripts(self, rows):
        text = self.make(rows)
        assert "<script" not in text and "<i>" not in text and "<b>" not in text
        assert "&lt;script&gt;" in text and "people &amp; labels" in text
        links = re.findall(r'(?:src|href|url)\s*[=(]\s*"?([^">)]{0,30})', text)
        assert links and all(link.startswith("data:image/") for link in links)
        assert "<svg" in text and "calibration error" in text

    def test_tags_close(self, rows):
        text = self.make(rows)
        for tag in ("table", "tr", "td", "figure", "h2", "svg", "body"):
            assert len(re.findall(rf"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag

    def test_too_many_pictures_are_left_out(self, rows):
        found = evaluate(rows, {"all": Always(1)})
        rng = np.random.default_rng(0)
        noise = rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3)).astype(np.uint8)
        sights = [replace(found.worst[0], image=noise)] * 60
        text = page("many", [("part", facts(found), sights)])
        shown = text.count("<h4>")
        assert 0 < shown < 60
        assert f"{60 - shown} more are left out" in text
        assert MAX_PICTURES_BYTES / 2 < len(text) < 5e6


def test_scoring_takes_less_time_than_the_quick_rules(rows):
    """On 256 x 256 pixels: 13 ms measured, where ``fmask`` takes 45."""
    from scipy import ndimage

    rng = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(rng.standard_normal((2, 256, 256)), (0, 6, 6))
    truth, found = np.digitize(fields, [0, 0.03, 0.06]).astype(np.uint8)
    said = rng.dirichlet([1, 1, 1, 1], (256, 256)).transpose(2, 0, 1).astype(np.float32)
    mask = CloudMask(found, probability=said)
    took = []
    for _ in range(5):
        begin = time.perf_counter()
        score = _score(rows[0], truth, mask, 0.0)
        took.append(time.perf_counter() - begin)
    assert set(score.reliability) == {"cloud", "shadow", "contaminated"}
    assert min(took) < 0.1


def test_bad_weights_are_no_matter_of_the_image(rows):
    class Spoilt(Always):
        def mask(self, tile):
            raise WeightsError("a file", "weights", "fetch them again")

    with pytest.raises(WeightsError):
        evaluate(rows, {"net": Spoilt(1)})

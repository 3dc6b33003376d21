"""``kumosan compare`` as a person runs it."""

import base64
import json
import re
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pytest

from kumosan import detection
from kumosan.datasets import read, read_mask
from kumosan.datasets.bands import GREEN, BandSet
from kumosan.datasets.tile import CloudMask, Tile
from kumosan.datasets.write import write_mask, write_tile
from kumosan.detection.metrics import compare as confusions
from kumosan.gan.metrics import reflectances, rmse
from kumosan.synthesis.demo import demo_pair

from .running import run as kumosan

QUICK = ("--detector", "hot", "--detector", "ltk", "--filler", "idw", "--filler", "telea")


run = partial(kumosan, "compare")


def report(folder) -> dict:
    return json.loads((folder / "report.json").read_text())


@pytest.fixture(scope="module")
def pair():
    return demo_pair(seed=3, shape=(96, 96))


@pytest.fixture(scope="module")
def place(pair, tmp_path_factory):
    """A folder with a cloudy scene, its true mask and its clear view."""
    folder = tmp_path_factory.mktemp("compare")
    write_tile(folder / "scene.tif", pair.cloudy)
    write_tile(folder / "clear.tif", pair.clear)
    write_mask(folder / "truth.tif", pair.mask)
    return folder


@pytest.fixture(scope="module")
def judged(place):
    """The report against both truths."""
    out = place / "judged"
    truths = ("--truth", place / "truth.tif", "--truth", place / "clear.tif")
    done = run(place / "scene.tif", *QUICK, *truths, "--point", "5,7", "-o", out)
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def unjudged(place):
    out = place / "unjudged"
    done = run(place / "scene.tif", *QUICK, "-o", out, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), out


def test_masks_are_scored_against_the_true_one(judged, place, pair):
    rows = report(judged)["detectors"]
    assert [r["name"] for r in rows] == ["hot", "ltk"]
    tile = read(place / "scene.tif")
    mask = detection.postprocess.clean_up(detection.detect(tile, "hot"), tile.gsd_m)
    expected = confusions(pair.mask.classes, mask.classes)["cloud"]
    assert rows[0]["views"]["cloud"]["boa"] == pytest.approx(expected.boa, abs=1e-6)
    assert rows[0]["seconds"] > 0 and rows[0]["mpix_per_s"] > 0


def test_fills_are_scored_against_the_clear_image_by_class(judged, place, pair):
    figures = report(judged)
    assert figures["mask_by"] == "truth"
    untouched = rmse(*reflectances(pair.clear, pair.cloudy, pair.mask.contaminated))
    assert figures["left_as_it_was"]["all"]["rmse"] == pytest.approx(untouched, abs=1e-5)
    for row in figures["fillers"]:
        assert 0 < row["errors"]["all"]["rmse"] < untouched
        assert row["errors"]["thick"]["pixels"] == int((pair.mask.classes == 1).sum())
        assert 0 < row["filled_share"] <= 1
        assert row["seam"] > 0


def test_without_a_truth_detectors_are_compared_with_each_other(unjudged):
    told, out = unjudged
    figures = report(out)
    matrix = figures["agreement"]["cloud"]
    assert matrix["hot"]["hot"] == 1 and matrix["hot"]["ltk"] == matrix["ltk"]["hot"] < 1
    assert "views" not in figures["detectors"][0]
    assert figures["fillers"][0]["errors"] is None
    assert told["mask_by"] == "hot"
    assert {r["name"] for r in told["fillers"]} == {"idw", "telea"}


def test_all_fillers_get_the_mask_that_was_asked_for(place, tmp_path):
    done = run(place / "scene.tif", *QUICK, "--mask-by", "ltk", "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    figures = report(tmp_path / "out")
    assert figures["mask_by"] == "ltk"
    hidden = (
        sum(figures["fillers"][0]["pixels"].values())
        - (figures["fillers"][0]["pixels"]["observed"])
    )
    assert all(sum(r["pixels"].values()) == 96 * 96 for r in figures["fillers"])
    assert hidden == round(96 * 96 * (100 - figures["hidden"]["clear"]) / 100)


def test_points_are_one_of_each_class_and_those_asked_for(judged, place):
    points = report(judged)["points"]
    truth = read_mask(place / "truth.tif").classes
    tile = read(place / "scene.tif")
    names = ["clear", "thick cloud", "thin cloud", "shadow"]
    found = [names[c] for c in range(4) if (truth == c).any()]
    assert [p["title"] for p in points] == [*found, "your point 1"]
    for point in points[:-1]:
        assert names[truth[point["row"], point["column"]]] == point["title"]
    asked = points[-1]
    assert (asked["column"], asked["row"]) == (5, 7)
    expected = tile.data[list(tile.optical), 7, 5]
    assert asked["reflectance"]["observed"] == pytest.approx(expected.tolist(), abs=1e-6)
    assert (asked["x"], asked["y"]) == tile.transform @ (5.5, 7.5)
    assert set(asked["detectors"]) == {"hot", "ltk"}
    assert set(points[0]["reflectance"]) == {"observed", "truth"}  # clear ground is not filled


class TestPage:
    @pytest.fixture(params=["judged", "unjudged"])
    def text(self, request):
        found = request.getfixturevalue(request.param)
        folder = found[1] if isinstance(found, tuple) else found
        return (folder / "report.html").read_text("utf-8")

    def test_it_is_one_small_file(self, text):
        assert len(text.encode()) < 5e6
        links = re.findall(r'(?:src|href)="([^"]{0,30})', text)
        assert links and all(link.startswith(("data:image/", "#")) for link in links)

    def test_its_parts_have_names(self, text):
        assert text.count("<h1>") == 1
        levels = [int(n) for n in re.findall(r"<h(\d)>", text)]
        assert all(after <= before + 1 for before, after in pairwise(levels))
        images = re.findall(r"<img [^>]*>", text)
        assert images and all(re.search(r'alt="[^"]+"', image) for image in images)
        assert all("scope=" in head for head in re.findall(r"<th\b[^>]*>", text))
        for anchor in re.findall(r'href="#([^"]+)"', text):
            assert f'id="{anchor}"' in text

    def test_every_method_stands_in_it(self, text):
        for name in ("hot", "ltk", "idw", "telea"):
            assert f'scope="row">{name}<' in text


def test_the_script_gets_the_spectra_of_a_grid(judged, place):
    text = (judged / "report.html").read_text("utf-8")
    data = json.loads(re.search(r'<script type="application/json">(.*?)</script>', text).group(1))
    numbers = np.frombuffer(base64.b64decode(data["values"]), "<i2")
    shape = [len(data[k]) for k in ("rows", "columns", "names", "nm")]
    values = numbers.reshape(shape)
    assert data["names"] == ["observed", "truth", "idw", "telea"]
    tile, clear = read(place / "scene.tif"), read(place / "clear.tif")
    truth = read_mask(place / "truth.tif").classes
    at = np.ix_(data["rows"], data["columns"])
    nir = data["nm"].index(tile.bands[7].center_nm)
    for k, one in enumerate((tile, clear)):
        assert values[:, :, k, nir] / 1e4 == pytest.approx(one.data[7][at], abs=1e-4)
    left = values[:, :, 2, nir] == -32768
    assert left[truth[at] == 0].all() and not left.all()


def test_pictures_shrink_until_the_page_is_small(judged, monkeypatch, place, tmp_path):
    from kumosan.scripts import comparison_page

    size = (judged / "report.html").stat().st_size
    monkeypatch.setattr(comparison_page, "MAX_BYTES", size * 3 // 4)
    assert run(place / "scene.tif", *QUICK, "-o", tmp_path / "out").exit_code == 0
    assert (tmp_path / "out" / "report.html").stat().st_size < size * 3 // 4


def test_a_method_that_does_not_fit_is_a_row_with_its_reason(place, tmp_path):
    words = ("--detector", "hot", "--detector", "scl", "--filler", "idw", "--filler", "temporal")
    out = tmp_path / "out"
    done = run(place / "scene.tif", *words, "--reference", place / "clear.tif", "-o", out)
    assert done.exit_code == 0, done.output
    figures = report(out)
    assert figures["detectors"][0]["reason"] is None
    assert "supplier" in figures["detectors"][1]["reason"]
    assert figures["fillers"][1]["pixels"]["temporal"] > 0
    assert "left out: scl" in done.stdout
    assert "Methods without a result" in (out / "report.html").read_text("utf-8")


def test_a_method_that_breaks_is_not_the_end(place, tmp_path, monkeypatch):
    class Broken:
        bands = BandSet((GREEN,))

        def mask(self, tile: Tile) -> CloudMask:
            raise RuntimeError("<b>nothing</b> works")

    monkeypatch.setitem(detection.DETECTORS, "broken", Broken)
    out = tmp_path / "out"
    done = run(place / "scene.tif", *QUICK, "--detector", "broken", "-o", out)
    assert done.exit_code == 0, done.output
    assert "RuntimeError: <b>nothing</b> works" in report(out)["detectors"][2]["reason"]
    assert "<b>nothing" not in (out / "report.html").read_text("utf-8")


@pytest.mark.parametrize("value", ["clear", "cloud", "nodata"])
def test_scenes_with_nothing_to_compare(pair, tmp_path, value):
    """All clear, all cloud, all nodata: a report all the same."""
    dull = {"clear": 0.05, "cloud": 0.9, "nodata": np.nan}[value]
    data = np.full_like(pair.cloudy.data, dull)
    write_tile(tmp_path / "scene.tif", replace(pair.cloudy, data=data, stored=None))
    done = run(tmp_path / "scene.tif", *QUICK, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    row = report(tmp_path / "out")["fillers"][0]
    assert row["seam"] is None and not row["filled_share"]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("--detector", "nobody"), 2, "no detector called 'nobody'"),
        (("--filler", "nobody"), 2, "no filler called 'nobody'"),
        (("--filler", "temporal"), 2, "--reference"),
        (("--filler", "idw", "--reference", "{clear}"), 2, "auto or auto-far or temporal"),
        (("--reference", "{scene}"), 2, "the scene itself"),
        (("--fill-weights", "{absent}"), 3, "absent.tif"),
        (("--weights", "{absent}"), 3, "absent.tif"),
        (("--weights", "{absent}", "--detector", "hot"), 2, "--weights without fmask-unet"),
        (("--mask-by", "truth"), 2, "--mask-by truth"),
        (("--truth", "{truth}", "--truth", "{truth}"), 2, "two true masks"),
        (("--truth", "{absent}"), 3, "does not exist"),
        (("--truth", "{other}"), 3, "grid"),
        (("--point", "1;2"), 2, "COLUMN,ROW"),
        (("--point", "96,0"), 2, "a column below 96"),
        (("--map-point", "1,b"), 2, "X,Y in the scene's"),
        (("--map-point", "0,0"), 2, "outside the scene"),
        (("--size", "40", "--at", "20,20", "--point", "80,80"), 2, "outside the part"),
        (("--detector", "scl", "--filler", "idw"), 5, "no mask of any detector"),
    ],
)
def test_a_mistake_gets_one_sentence_and_no_output(words, code, told, place, pair, tmp_path):
    small = CloudMask(pair.mask.classes[:50], pair.mask.transform, pair.mask.crs)
    write_mask(tmp_path / "other.tif", small)
    names = {n: place / f"{n}.tif" for n in ("scene", "truth", "clear")}
    names |= {"other": tmp_path / "other.tif", "absent": tmp_path / "absent.tif"}
    words = [w.format(**names) for w in words]
    done = run(place / "scene.tif", *words, "-o", tmp_path / "out")
    assert done.exit_code == code, done.output
    assert told in done.output
    assert "Traceback" not in done.output
    assert not (tmp_path / "out").exists()


def test_a_clear_image_of_other_bands_is_refused(place, pair, tmp_path):
    part = Tile(pair.clear.data[:4], pair.clear.bands[:4], pair.clear.transform, pair.clear.crs)
    write_tile(tmp_path / "rgb.tif", part)
    done = run(place / "scene.tif", "--truth", tmp_path / "rgb.tif", "-o", tmp_path / "out")
    assert done.exit_code == 3
    assert "with bands" in done.output


def test_dry_run_and_overwrite(place, tmp_path):
    out = tmp_path / "out"
    assert run(place / "scene.tif", "--dry-run", "-o", out).exit_code == 0
    assert not out.exists()
    out.mkdir()
    (out / "mine.txt").write_text("keep")
    refused = run(place / "scene.tif", *QUICK, "-o", out)
    assert refused.exit_code == 2 and "--overwrite" in refused.output
    assert run(place / "scene.tif", *QUICK, "-o", out, "--overwrite").exit_code == 0
    assert sorted(p.name for p in out.iterdir()) == ["mine.txt", "report.html", "report.json"]


def test_a_large_scene_is_compared_where_clear_and_cloudy_mix(pair, tmp_path):
    data = np.concatenate([pair.clear.data, pair.clear.data, pair.cloudy.data], axis=2)
    tile = replace(pair.clear, data=data, stored=None)
    write_tile(tmp_path / "scene.tif", tile)
    out = tmp_path / "out"
    done = run(tmp_path / "scene.tif", *QUICK, "--size", 64, "-o", out)
    assert done.exit_code == 0, done.output
    scene = report(out)["scene"]
    assert scene["shape"] == [64, 64]
    hidden = np.pad(pair.mask.contaminated, ((0, 0), (192, 0)))
    part = hidden[scene["row"] :, scene["column"] :][:64, :64]
    assert 0.2 < part.mean() < 0.7
    point = report(out)["points"][1]
    column, row = scene["column"] + point["column"], scene["row"] + point["row"]
    assert (point["x"], point["y"]) == tile.transform @ (column + 0.5, row + 0.5)
    expected = data[list(tile.optical), row, column]
    assert point["reflectance"]["observed"] == pytest.approx(expected.tolist(), abs=1e-4)


def test_points_of_a_large_scene_lie_in_the_part(pair, place, tmp_path):
    x, y = pair.cloudy.transform @ (91.2, 88.7)
    words = ("--size", 48, "--point", "90,90", "--map-point", f"{x},{y}")
    words += ("--truth", place / "truth.tif")
    done = run(place / "scene.tif", *QUICK, *words, "-o", tmp_path / "out")
    assert done.exit_code == 0, done.output
    figures = report(tmp_path / "out")
    assert (figures["scene"]["column"], figures["scene"]["row"]) == (48, 48)
    point, second = figures["points"][-2:]
    assert (point["column"], point["row"]) == (42, 42)
    assert (second["title"], second["column"], second["row"]) == ("your point 2", 43, 40)
    expected = pair.cloudy.data[list(pair.cloudy.optical), 90, 90]
    assert point["reflectance"]["observed"] == pytest.approx(expected.tolist(), abs=1e-5)


def test_the_same_seed_gives_the_same_figures(place, unjudged, tmp_path):
    assert run(place / "scene.tif", *QUICK, "-o", tmp_path / "out").exit_code == 0

    def lasting(figures):
        for row in figures["detectors"] + figures["fillers"]:
            for cost in ("seconds", "mpix_per_s", "memory_mb"):
                row.pop(cost)
        return figures

    assert lasting(report(tmp_path / "out")) == lasting(report(unjudged[1]))

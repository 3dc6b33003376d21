"""Labelbox exports: composite and single masks, polygons, several labels, hostile rows."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from kumosan.datasets.errors import FileError, KumosanError, ValueRangeError
from kumosan.datasets.labels.conflicts import settle
from kumosan.datasets.labels.exports import read_export

from .small_task import export_row


def png(array) -> bytes:
    held = io.BytesIO()
    Image.fromarray(np.asarray(array, np.uint8)).save(held, format="PNG")
    return held.getvalue()


def write(tmp_path, *rows, masks=None):
    path = tmp_path / "export.ndjson"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "masks").mkdir(exist_ok=True)
    for name, content in (masks or {}).items():
        (tmp_path / "masks" / name).write_bytes(content)
    return path


def drawn(name, **how):
    return {"objects": [{"name": name, "value": name, "feature_id": "f1", **how}]}


def test_a_composite_mask_holds_several_objects_by_colour(tmp_path):
    seen = np.zeros((4, 6, 3), np.uint8)
    seen[0], seen[1] = (10, 20, 30), (40, 50, 60)
    url = "https://api.labelbox.com/tasks/t/composite7"
    objects = [
        {
            "name": "Thick cloud",
            "feature_id": f"f{i}",
            "composite_mask": {"url": url, "color_rgb": c},
        }
        for i, c in enumerate(([10, 20, 30], [40, 50, 60]))
    ]
    objects[1]["name"] = "cloud_shadow"
    row = export_row("a.png", [{"objects": objects}], (4, 6))
    (label,) = read_export("labelbox", write(tmp_path, row, masks={"composite7.png": png(seen)}))
    wanted = np.zeros((4, 6), np.uint8)
    wanted[0], wanted[1] = 1, 3
    assert (label.classes((4, 6)) == wanted).all()


def test_polygons_and_boxes(tmp_path):
    corners = [{"x": x, "y": y} for x, y in ((1, 1), (4, 1), (4, 3), (1, 3))]
    said = drawn("thin_cloud", polygon=corners)
    box = {"top": 0, "left": 0, "height": 1, "width": 2}
    said["objects"].append({"name": "shadow", "bounding_box": box})
    (label,) = read_export("labelbox", write(tmp_path, export_row("a", [said], (4, 6))))
    wanted = np.zeros((4, 6), np.uint8)
    wanted[1:3, 1:4], wanted[0, :2] = 2, 3
    assert (label.classes((4, 6)) == wanted).all()


def test_a_label_with_nothing_drawn_is_clear_and_a_cloudy_answer_alone_is_no_mask(tmp_path):
    answer = {"name": "patch", "radio_answer": {"name": "cloudy", "value": "cloudy"}}
    empty = export_row("a", [{"objects": [], "classifications": []}], (2, 2))
    cloudy = export_row("b", [{"objects": [], "classifications": [answer]}], (2, 2))
    first, second = read_export("labelbox", write(tmp_path, empty, cloudy))
    assert (first.classes((2, 2)) == 0).all() and first.patch is None
    assert second.classes((2, 2)) is None and second.patch == "cloudy"


def test_a_skipped_label_is_none_though_it_holds_an_empty_list(tmp_path):
    row = export_row("a", [{"objects": [], "classifications": []}], (2, 2))
    (label,) = row["projects"]["p1"]["labels"]
    label["performance_details"] = {"seconds_to_create": 4, "skipped": True}
    assert read_export("labelbox", write(tmp_path, row)) == []
    label["performance_details"]["skipped"] = False
    assert len(read_export("labelbox", write(tmp_path, row))) == 1


def square(name: str, x: int):
    points = [{"x": a, "y": b} for a, b in ((x, 0), (x + 1, 0), (x + 1, 2), (x, 2))]
    return {"name": name, "polygon": points}


@pytest.fixture
def three(tmp_path):
    """Of two columns: two people call the first cloud, each calls the second something else."""
    labels = [
        {"objects": [square("cloud", 0), square("shadow", 1)], "who": "ann"},
        {"objects": [square("cloud", 0), square("thin_cloud", 1)], "who": "ben"},
        {"objects": [square("shadow", 0), square("cloud", 1)], "who": "cy"},
    ]
    return read_export("labelbox", write(tmp_path, export_row("a", labels, (2, 2))))


def test_several_labels_are_refused_by_name_unless_told_otherwise(three):
    with pytest.raises(ValueRangeError, match=r"3 labels of a \(by ann, ben, cy\)"):
        settle("a", three, (2, 2), "refuse")


def test_votes_count_pixel_by_pixel_and_a_tie_is_unknown(three):
    found = settle("a", three, (2, 2), "vote")
    assert found.classes.tolist() == [[1, 255]] * 2
    assert found.annotator == "ann; ben; cy" and found.votes == 3


def test_the_latest_is_chosen_and_a_reviewed_one_before_it(three):
    assert settle("a", three, (2, 2), "choose").annotator == "cy"
    from dataclasses import replace

    reviewed = [replace(three[0], reviewed=True), *three[1:]]
    assert settle("a", reviewed, (2, 2), "choose").annotator == "ann"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([export_row("a", [drawn("car", mask={"url": "x.png"})])], "'car'"),
        ([export_row("a", []), export_row("a", [])], "'a' twice"),
        ([{"data_row": {}, "projects": {"p": {"labels": [{}]}}}], "damaged"),
        ([{"uuid": "1", "dataRow": {"id": "x"}}], "other rows"),
        ([export_row("a", [drawn("cloud", line=[])])], "object of kind"),
        ([export_row("a", [drawn("cloud", mask={"url": "../../etc/passwd"})])], "names the mask"),
        ([export_row("a", [drawn("cloud", mask={"url": "https://api.labelbox.com/m/1"})])],
         "LABELBOX_API_KEY"),
        ([export_row("a", [drawn("cloud", polygon=[{"x": 1, "y": 1}])])], "1 points"),
        ([export_row("a", [{"classifications": [{"name": "patch", "radio_answer":
                                                 {"name": "maybe"}}]}])], "'maybe'"),
    ],
)  # fmt: skip
def test_bad_rows_get_one_sentence(rows, says, tmp_path, monkeypatch):
    with pytest.raises(KumosanError, match=says):
        read_export("labelbox", write(tmp_path, *rows))


def test_a_key_twice_in_one_object_is_refused(tmp_path):
    path = tmp_path / "e.ndjson"
    path.write_text('{"data_row": {"id": "a", "id": "b"}, "projects": {}}\n')
    with pytest.raises(ValueRangeError, match="'id' twice"):
        read_export("labelbox", path)


def test_masks_that_are_no_masks_are_refused(tmp_path):
    row = export_row("a", [drawn("cloud", mask={"url": "https://x/f1"})], (4, 6))
    with pytest.raises(FileError, match="no PNG"):
        read_export("labelbox", write(tmp_path, row, masks={"f1.png": b"GIF89a"}))
    path = write(tmp_path, row, masks={"f1.png": png(np.ones((5, 5)))})
    (label,) = read_export("labelbox", path)
    with pytest.raises(KumosanError, match="5 x 5"):
        label.classes((4, 6))


def test_the_real_samples_are_of_old_formats_which_is_said(data):
    folder = data / "raw_formats" / "labelbox"
    for name in ("labelbox_v1_image_export.json", "labelbox_v1_tiled_image_export.json"):
        with pytest.raises(FileError, match="version"):
            read_export("labelbox", folder / name)
    with pytest.raises(FileError, match="other rows"):
        read_export("labelbox", folder / "ndjson_image_import.json")

"""Run lengths, CVAT's XML, COCO and mask archives, read as the tools write them."""

import json
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from kumosan.datasets.errors import FileError, GridError, KumosanError, ValueRangeError
from kumosan.datasets.labels.coco import read_instances
from kumosan.datasets.labels.cvat_xml import read_annotations
from kumosan.datasets.labels.exports import read_export
from kumosan.datasets.labels.rle import coco_counts, decode, encode

FIXTURE = np.zeros((4, 6), bool)
FIXTURE[1:3, 2:5] = True
XML = """<annotations><version>1.1</version>
<meta><task><name>May</name><updated>2026-05-02 10:00:00+00:00</updated>
<owner><username>ann</username></owner></task></meta>{images}</annotations>"""
IMAGE = '<image id="0" name="a.png" width="6" height="4">{shapes}</image>'
MASK = '<mask label="{label}" rle="{rle}" left="2" top="1" width="3" height="2" z_order="{z}"/>'


def xml(*shapes: str) -> bytes:
    return XML.format(images=IMAGE.format(shapes="".join(shapes))).encode()


def mask(label="cloud", rle="0, 6", z=0) -> str:
    return MASK.format(label=label, rle=rle, z=z)


@settings(max_examples=50, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)))
def test_run_lengths_come_back(drawn):
    assert (decode(encode(drawn), drawn.shape, "C", "") == drawn).all()
    columns = encode(np.ascontiguousarray(drawn.T))
    assert (decode(columns, drawn.shape, "F", "") == drawn).all()


def test_both_run_lengths_of_the_published_fixture():
    assert (decode([9, 2, 2, 2, 2, 2, 5], (4, 6), "F", "") == FIXTURE).all()
    assert encode(FIXTURE[1:3, 2:5]) == [0, 6]


@settings(max_examples=50, deadline=None)
@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=40)))
def test_compressed_run_lengths_are_those_of_pycocotools(drawn):
    coco = pytest.importorskip("pycocotools.mask")
    packed = coco.encode(np.asfortranarray(drawn.astype(np.uint8)))
    counts = coco_counts(packed["counts"].decode(), "")
    assert (decode(counts, drawn.shape, "F", "") == drawn).all()


def test_a_known_compressed_text():
    # pycocotools.mask.encode of FIXTURE; "3" at the end is 5 - 2, the others 2 - 2 and plain
    assert coco_counts("9220003", "") == [9, 2, 2, 2, 2, 2, 5]


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=30))
def test_any_text_is_run_lengths_or_one_sentence(text):
    try:
        decode(coco_counts(text, "x"), (3, 3), "F", "x")
    except ValueRangeError as error:
        assert "x" in str(error)


def test_the_fixture_in_cvats_xml():
    (label,) = read_annotations(xml(mask()), "e.xml")
    assert (label.classes((4, 6)) == FIXTURE).all()
    assert (label.annotator, label.project) == ("ann", "May")
    assert label.time == "2026-05-02 10:00:00+00:00"


def test_in_the_export_of_a_project_each_image_tells_its_own_task():
    """Two people labelled one chip, each in a task of their own."""
    task = """<task><id>{0}</id><name>t{0}</name><updated>2026-05-0{0} 10:00:00+00:00</updated>
    <owner><username>boss</username></owner>{1}</task>"""
    ben = "<assignee><username>ben</username><email>b@x</email></assignee>"
    meta = f"""<project><id>9</id><name>P</name><updated>2026-06-01 10:00:00+00:00</updated>
    <tasks>{task.format(1, ben)}{task.format(2, "")}</tasks>
    <owner><username>boss of all</username></owner></project>"""
    image = '<image id="0" name="a.png" subset="d" task_id="{}" width="6" height="4">{}</image>'
    images = "".join(image.format(t, mask()) for t in (1, 2, 3))
    text = f"<annotations><version>1.1</version><meta>{meta}</meta>{images}</annotations>"
    labels = read_annotations(text.encode(), "e.xml")
    assert [(label.annotator, label.time[:10], label.project) for label in labels] == [
        ("ben", "2026-05-01", "P"), ("boss", "2026-05-02", "P"),
        ("boss of all", "2026-06-01", "P"),  # of a task that the export does not describe
    ]  # fmt: skip


def test_the_higher_z_order_lies_on_top_and_of_equals_the_later():
    square = '<polygon label="shadow" points="0,0;6,0;6,4;0,4" z_order="{z}"/>'
    (label,) = read_annotations(xml(mask(z=1), square.format(z=0)), "e")
    assert (label.classes((4, 6)) == np.where(FIXTURE, 1, 3)).all()
    (label,) = read_annotations(xml(mask(z=0), square.format(z=0)), "e")
    assert (label.classes((4, 6)) == 3).all()


def test_a_polygon_covers_the_pixels_whose_centres_it_holds():
    shape = '<polygon label="semi_transparent" points="1.4,1.4;4.6,1.4;4.6,3.4;1.4,3.4"/>'
    (label,) = read_annotations(xml(shape), "e")
    wanted = np.zeros((4, 6), np.uint8)
    wanted[1:3, 1:5] = 2
    assert (label.classes((4, 6)) == wanted).all()


def test_a_tag_alone_labels_the_patch_and_an_untouched_image_nothing():
    (label,) = read_annotations(xml('<tag label="patch_cloudy"/>'), "e")
    assert label.patch == "cloudy" and label.classes((4, 6)) is None
    (label,) = read_annotations(xml('<tag label="clear"/>'), "e")
    assert (label.classes((4, 6)) == 0).all()
    assert read_annotations(xml(), "e") == []


BOMB = b"""<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;">]>
<annotations>&c;</annotations>"""
XXE = b"""<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations>&x;</annotations>"""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (BOMB, "entities"),
        (XXE, "entities"),
        (b"<annotations>", "no XML"),
        (b"<annotations/>", "no image"),
        (b"<annotations><track id='0'/></annotations>", "video"),
        (xml(mask(rle="0, 5")), "add up to 5"),
        (xml(mask(rle="-1, 7")), "none negative"),
        (xml(mask(rle="")), "run lengths"),
        (xml(mask(label="car")), "'car'"),
        (xml('<polygon label="cloud" points="1,1;2,2"/>'), "2 points"),
        (xml('<polygon label="cloud" points="1,nan;2,2;3,3"/>'), "finite"),
        (xml('<polygon label="cloud" points="a"/>'), "points 'a'"),
        (xml('<polyline label="cloud" points="1,1;2,2"/>'), "polyline"),
        (xml('<tag label="patch_clear"/>', '<tag label="patch_cloudy"/>'), "clear and cloudy"),
        (xml('<tag label="season"/>'), "'season'"),
        (xml(mask().replace('left="2"', 'left="4"')), "inside"),
        (xml(mask().replace('width="3"', 'width="999999"')), "999999"),
    ],
)
def test_bad_xml_gets_one_sentence(content, says):
    with pytest.raises(KumosanError, match=says):
        for label in read_annotations(content, "e.xml"):
            label.classes((4, 6))


def test_another_size_than_the_chips_is_refused():
    (label,) = read_annotations(xml(mask()), "e.xml")
    with pytest.raises(GridError, match=r"a\.png is 6 x 4"):
        label.classes((6, 4))


def coco(**changes) -> dict:
    whole = {
        "info": {"contributor": "ben", "date_created": "2026-05-03", "description": "June"},
        "images": [
            {"id": 1, "file_name": "a.png", "width": 6, "height": 4},
            {"id": 2, "file_name": "untouched.png", "width": 6, "height": 4},
        ],
        "categories": [{"id": 7, "name": "cloud"}, {"id": 8, "name": "cloud_shadow"}],
        "annotations": [
            {"image_id": 1, "category_id": 8, "segmentation": [[0, 0, 6, 0, 6, 4, 0, 4]]},
            {"image_id": 1, "category_id": 7,
             "segmentation": {"counts": [9, 2, 2, 2, 2, 2, 5], "size": [4, 6]}},
        ],
    }  # fmt: skip
    return whole | changes


def test_coco_instances(tmp_path):
    path = tmp_path / "instances_default.json"
    path.write_text(json.dumps(coco()))
    (label,) = read_export("cvat", path)
    assert (label.classes((4, 6)) == np.where(FIXTURE, 1, 3)).all()
    assert (label.annotator, label.project) == ("ben", "June")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"categories": [{"id": 7, "name": "dog"}, {"id": 8, "name": "shadow"}]}, "'dog'"),
        ({"categories": []}, "no COCO"),
        ({"images": [{"id": 1, "file_name": "a", "width": 6, "height": 4}] * 2}, "twice"),
        ({"images": 5}, "no COCO"),
        ({"annotations": [{"image_id": 1, "category_id": 7, "segmentation": [[1, 2, 3]]}]}, "3 n"),
        ({"annotations": [{"image_id": 1, "category_id": 7,
                           "segmentation": {"counts": [9], "size": [4, 6]}}]}, "add up to 9"),
        ({"annotations": [{"image_id": 1, "category_id": 7,
                           "segmentation": {"counts": [9], "size": [3, 3]}}]}, "3 x 3"),
        ({"annotations": [{"image_id": 1, "category_id": 7,
                           "segmentation": {"counts": "~", "size": [4, 6]}}]}, "damaged RLE"),
    ],
)  # fmt: skip
def test_bad_coco_gets_one_sentence(changes, says, tmp_path):
    path = tmp_path / "i.json"
    path.write_text(json.dumps(coco(**changes)))
    with pytest.raises(KumosanError, match=says):
        read_export("cvat", path)


def mask_zip(path, labelmap="background:0,0,0::\ncloud:250,50,83::\nshadow:1,2,3::\n", paint=None):
    seen = np.zeros((4, 6, 3), np.uint8)
    seen[FIXTURE] = (250, 50, 83)
    seen[0, 0] = (1, 2, 3) if paint is None else paint
    with zipfile.ZipFile(path, "w") as box:
        box.writestr("labelmap.txt", "# label:color_rgb:parts:actions\n" + labelmap)
        with box.open("SegmentationClass/sub/a.png", "w") as file:
            Image.fromarray(seen).save(file, format="PNG")
    return path


def test_a_zip_of_masks(tmp_path):
    (label,) = read_export("cvat", mask_zip(tmp_path / "m.zip"))
    wanted = FIXTURE.astype(np.uint8)
    wanted[0, 0] = 3
    assert label.chip == "sub/a" and (label.classes((4, 6)) == wanted).all()


def test_colours_and_classes_that_nobody_explained_are_refused(tmp_path):
    with pytest.raises(ValueRangeError, match=r"\(9, 9, 9\)"):
        read_export("cvat", mask_zip(tmp_path / "m.zip", paint=(9, 9, 9)))
    with pytest.raises(ValueRangeError, match="'tree'"):
        read_export("cvat", mask_zip(tmp_path / "n.zip", labelmap="tree:0,0,0::\n"))


@pytest.mark.parametrize("name", ["../annotations.xml", "/annotations.xml", "a/../../b.xml"])
def test_a_zip_that_names_places_outside_is_refused(name, tmp_path):
    path = tmp_path / "slip.zip"
    with zipfile.ZipFile(path, "w") as box:
        box.writestr("annotations.xml", xml(mask()))
        box.writestr(name, "x")
    with pytest.raises(FileError, match="plain names"):
        read_export("cvat", path)
    assert [p.name for p in tmp_path.rglob("*")] == ["slip.zip"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04garbage", b"\x00" * 100, b"[1, 2"])
@pytest.mark.parametrize("tool", ["cvat", "labelbox"])
@pytest.mark.parametrize("name", ["e.zip", "e.xml", "e.json", "e.ndjson"])
def test_garbage_gets_one_sentence(tool, name, content, tmp_path):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(KumosanError, match=f"e.{name[2:]}"):
        read_export(tool, tmp_path / name)


def test_the_real_samples_of_cvat(data):
    """They label other things, which is said by name."""
    folder = data / "raw_formats" / "cvat"
    with pytest.raises(ValueRangeError, match="'label1'"):
        read_export("cvat", folder / "for_images_train.xml")
    with pytest.raises(FileError, match="video"):
        read_export("cvat", folder / "for_video_annotations.xml")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_export_is_labels_or_one_sentence(case):
    """Bytes of good exports, some of them replaced: nothing but a KumosanError comes out."""
    square = '<polygon label="cloud" points="1,1;4,1;4,3" z_order="0"/>'
    read, good = case.draw(
        st.sampled_from(
            [
                (read_annotations, xml(mask(), square, '<tag label="patch_clear"/>')),
                (read_instances, json.dumps(coco()).encode()),
            ]
        )
    )
    start = case.draw(st.integers(0, len(good)))
    stop = case.draw(st.integers(start, min(start + 12, len(good))))
    new = case.draw(st.one_of(st.binary(max_size=6), st.sampled_from([b"1e999", b"-1", b"null"])))
    try:
        for label in read(good[:start] + new + good[stop:], "e"):
            label.classes((4, 6))
    except KumosanError:
        pass

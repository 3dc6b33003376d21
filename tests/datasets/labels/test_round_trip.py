"""What is pushed and comes back unchanged is the same mask, on the scene's grid."""

import shutil
import tempfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image
from rasterio.crs import CRS

from kumosan.datasets.catalog import CatalogTiles, read_catalog
from kumosan.datasets.errors import FileError, GridError, OutputError, UsageError, ValueRangeError
from kumosan.datasets.labels.chips import read_sidecar
from kumosan.datasets.labels.exports import read_export
from kumosan.datasets.labels.pulled import write_pulled
from kumosan.datasets.labels.task import write_task
from kumosan.datasets.read import read, read_mask
from kumosan.datasets.tile import NODATA
from kumosan.datasets.write import write_tile
from kumosan.detection.patch_labels import read_patch_labels

from .small_task import Oracle, as_export, write_patches

MASKS = st.lists(arrays(np.uint8, (7, 9), elements=st.integers(0, 3)), min_size=1, max_size=3)


def judge(classes):
    return "clear" if (classes[classes != NODATA] == 0).mean() > 0.95 else "cloudy"


def there_and_back(home: Path, tool: str, masks, nodata=None):
    """Push with ``masks`` as pre-labels, export them unchanged, pull: the folder of masks."""
    files = write_patches(home / "patches", masks, nodata)
    chips = write_task(home / "task", tool, "P", files, Oracle(masks), judge)
    if tool == "cvat":
        export = home / "task" / "annotations.xml"
    else:
        export = as_export(home / "task" / "prelabels.ndjson", home / "export")
    labels = read_export(tool, export)
    write_pulled(home / "out", labels, chips, judge=judge, tool=tool)
    return home / "out"


@pytest.mark.parametrize("tool", ["cvat", "labelbox"])
@settings(max_examples=15, deadline=None)
@given(masks=MASKS, lost=arrays(bool, (7, 9)))
def test_masks_come_back_identical(tool, masks, lost):
    with tempfile.TemporaryDirectory() as folder:
        out = there_and_back(Path(folder), tool, masks, lost)
        for i, mask in enumerate(masks):
            if lost.all():
                continue  # nothing to say of it
            image = read(out / f"scene_{i:05d}_00000.tif")
            found = read_mask(out / f"scene_{i:05d}_00000_mask.tif", image)
            assert (found.classes == np.where(lost, NODATA, mask)).all()


@pytest.mark.parametrize("tool", ["cvat", "labelbox"])
def test_the_folder_is_a_catalogue_and_labels_of_patches(tool, tmp_path):
    masks = [np.zeros((8, 8), np.uint8), np.full((8, 8), 2, np.uint8)]
    out = there_and_back(tmp_path, tool, masks)
    rows = read_catalog(out)
    assert [(r.split, r.group, r.mask_kind) for r in rows] == [("train", "scene", "human")] * 2
    assert [
        (item.mask.classes == m).all() for item, m in zip(CatalogTiles(rows), masks, strict=True)
    ]
    if tool == "labelbox":
        assert rows[1].more["annotator"] == "ann@example.org" and rows[1].more["project"] == "P"
        assert rows[1].more["time"].startswith("2026-05-01")
    labels = read_patch_labels(out / "patches.csv")
    assert [(p.clear, p.group) for p in labels] == [(True, "scene"), (False, "scene")]


def test_a_chip_shows_reflectance_the_same_way_everywhere_and_says_how(tmp_path):
    files = write_patches(tmp_path / "patches", [np.zeros((8, 8), np.uint8)] * 2)
    chips = write_task(tmp_path / "task", "cvat", "P", files)
    dark, bright = (np.asarray(Image.open(tmp_path / "task/chips" / c.name)) for c in chips.chips)
    assert dark.shape == (8, 8, 3) and (bright > dark).all()
    chip = chips.chips[0]
    assert chip.stretch == "red, green, blue; reflectance 0 to 0.3, 0 to 0.3, 0 to 0.3"
    assert chip.false_stretch.startswith("swir1, nir, red; ")
    related = tmp_path / "task/chips/related_images/scene_00000_00000_png"
    assert [p.name for p in related.iterdir()] == [chip.false_colour]
    assert chips.image(chip).samefile(files[0])
    assert not (tmp_path / "task/annotations.xml").exists()


def test_a_zip_of_the_xml_is_the_same_export(tmp_path):
    masks = [np.eye(8, dtype=np.uint8)]
    there_and_back(tmp_path, "cvat", masks)
    with zipfile.ZipFile(tmp_path / "e.zip", "w") as box:
        box.write(tmp_path / "task/annotations.xml", "annotations.xml")
    (label,) = read_export("cvat", tmp_path / "e.zip")
    assert (label.classes((8, 8)) == masks[0]).all()


def test_without_the_sidecar_masks_have_no_grid_and_no_catalogue(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    labels = read_export("cvat", tmp_path / "task/annotations.xml")
    found = write_pulled(tmp_path / "plain", labels, None)
    assert (found.masks, found.rows) == (1, 0)
    mask = read_mask(tmp_path / "plain/scene_00000_00000_mask.tif")
    assert mask.crs is None and (mask.classes == np.eye(8)).all()
    assert not (tmp_path / "plain/catalog.json").exists()


def test_a_patch_that_is_gone_leaves_its_mask_on_the_grid(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    patch = tmp_path / "patches/scene_00000_00000.tif"
    grid = read(patch).transform
    patch.unlink()
    chips = read_sidecar(tmp_path / "task")
    labels = read_export("cvat", tmp_path / "task/annotations.xml")
    found = write_pulled(tmp_path / "o2", labels, chips)
    assert found.lost == ("scene_00000_00000.tif",) and found.rows == 0
    assert read_mask(tmp_path / "o2/scene_00000_00000_mask.tif").transform == grid


def test_a_patch_that_was_cut_anew_is_refused_and_nothing_is_written(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    (tmp_path / "patches/scene_00000_00000.tif").unlink()
    write_patches(tmp_path / "patches", [np.eye(9, dtype=np.uint8)])
    labels = read_export("cvat", tmp_path / "task/annotations.xml")
    with pytest.raises(GridError, match="another grid"):
        write_pulled(tmp_path / "o2", labels, read_sidecar(tmp_path / "task"))
    assert not (tmp_path / "o2").exists()


def test_labels_of_something_else_are_refused(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    xml = (tmp_path / "task/annotations.xml").read_text().replace("scene_", "other_")
    (tmp_path / "x.xml").write_text(xml)
    with pytest.raises(FileError, match="--task"):
        chips = read_sidecar(tmp_path / "task")
        write_pulled(tmp_path / "o2", read_export("cvat", tmp_path / "x.xml"), chips)


def test_without_the_sidecar_two_images_of_one_name_are_not_taken_for_one(tmp_path):
    """As two labels of one image they would be put to the vote."""
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    text = (tmp_path / "task/annotations.xml").read_text()
    image = text[text.index("  <image") : text.index("</annotations>")]
    both = image.replace("scene_", "a/scene_") + image.replace("scene_", "b/scene_")
    (tmp_path / "x.xml").write_text(text.replace(image, both))
    labels = read_export("cvat", tmp_path / "x.xml")
    assert [label.chip for label in labels] == [f"{k}/scene_00000_00000.png" for k in "ab"]
    with pytest.raises(FileError, match=r"a/scene_00000_00000\.png and of b/scene"):
        write_pulled(tmp_path / "o2", labels, None, how="vote")
    assert not (tmp_path / "o2").exists()


@pytest.mark.parametrize("name", ["../../out.png", "/tmp/out.png", "a/../../out.png"])
def test_an_image_that_names_a_place_outside_is_written_inside(name, tmp_path):
    xml = f'<annotations><image id="0" name="{name}" width="4" height="4">'
    (tmp_path / "e.xml").write_text(f'{xml}<tag label="patch_clear"/></image></annotations>')
    write_pulled(tmp_path / "in", read_export("cvat", tmp_path / "e.xml"), None)
    found = {p.name for p in (tmp_path / "in").iterdir()}
    assert found == {"out_mask.tif", "out_mask.qml", "patches.csv"}
    assert {p.name for p in tmp_path.iterdir()} == {"e.xml", "in"}


@pytest.mark.parametrize("name", ["", "..", ".", "a/..", "C:\\x.png", "a\\..\\x.png"])
def test_an_image_without_a_plain_name_is_refused(name, tmp_path):
    xml = f'<annotations><image id="0" name="{name}" width="4" height="4">'
    (tmp_path / "e.xml").write_text(f'{xml}<tag label="patch_clear"/></image></annotations>')
    with pytest.raises(FileError, match="plain file name"):
        write_pulled(tmp_path / "in", read_export("cvat", tmp_path / "e.xml"), None)
    assert not (tmp_path / "in").exists()


def test_a_sidecar_whose_chip_leads_outside_is_damaged(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    text = (tmp_path / "task/chips.json").read_text()
    (tmp_path / "chips.json").write_text(text.replace('"name": "scene', '"name": "../scene'))
    with pytest.raises(FileError, match="damaged"):
        read_sidecar(tmp_path)


def test_patches_that_would_have_one_chip_are_refused_before_any_is_drawn(tmp_path):
    files = write_patches(tmp_path / "patches", [np.eye(8, dtype=np.uint8)])
    shutil.copy(files[0], files[0].with_suffix(".tiff"))
    with pytest.raises(UsageError, match=r"\.tif and .*\.tiff"):
        write_task(tmp_path / "task", "cvat", "P", [*files, files[0].with_suffix(".tiff")])
    assert not (tmp_path / "task").exists()


def test_patches_that_are_links_keep_their_names(tmp_path):
    """Two links to files of one name in two stores: two patches, not one over the other."""
    masks = [np.full((8, 8), k, np.uint8) for k in (1, 2)]
    stores = [write_patches(tmp_path / f"store{k}", masks)[k] for k in (0, 1)]
    stores[1] = stores[1].rename(stores[1].with_name(stores[0].name))
    (tmp_path / "patches").mkdir()
    links = [tmp_path / "patches" / f"{k}.tif" for k in "ab"]
    for link, store in zip(links, stores, strict=True):
        link.symlink_to(Path("..", store.parent.name, store.name))
    chips = write_task(tmp_path / "task", "cvat", "P", links, Oracle(masks))
    write_pulled(tmp_path / "o", read_export("cvat", tmp_path / "task/annotations.xml"), chips)
    for link, mask in zip(links, masks, strict=True):
        image = read(tmp_path / "o" / link.name)
        assert image.transform == read(link).transform
        assert (read_mask(tmp_path / "o" / f"{link.stem}_mask.tif").classes == mask).all()
    assert [row.id for row in read_catalog(tmp_path / "o")] == ["a.tif", "b.tif"]


@pytest.mark.parametrize("tool", ["cvat", "labelbox"])
def test_a_turned_grid_comes_back_to_the_last_digit(tool, tmp_path):
    masks = [np.eye(8, dtype=np.uint8)]
    (file,) = write_patches(tmp_path / "patches", masks)
    turned = Affine.translation(5e5, 5e6) @ Affine.rotation(23.4) @ Affine.scale(30, -30)
    write_tile(file, replace(read(file), transform=turned), overwrite=True)
    chips = write_task(tmp_path / "task", tool, "P", [file], Oracle(masks), judge)
    export = tmp_path / "task" / "annotations.xml"
    if tool == "labelbox":
        export = as_export(tmp_path / "task" / "prelabels.ndjson", tmp_path / "export")
    write_pulled(tmp_path / "out", read_export(tool, export), chips, judge=judge)
    mask = read_mask(tmp_path / "out" / f"{file.stem}_mask.tif")
    assert mask.transform == read(file).transform and mask.crs == CRS.from_epsg(32633)
    assert mask.transform.b != 0 and (mask.classes == masks[0]).all()


def test_an_output_with_files_is_refused(tmp_path):
    out = there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    with pytest.raises(OutputError):
        write_pulled(out, [], None)


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "no JSON"), ("[]", "damaged"), ('{"format": 1, "chips": [{}]}', "damaged")],
)
def test_a_damaged_sidecar_is_one_sentence(text, says, tmp_path):
    (tmp_path / "chips.json").write_text(text)
    with pytest.raises(FileError, match=says):
        read_sidecar(tmp_path)


def test_a_sidecar_with_a_name_twice_is_refused(tmp_path):
    there_and_back(tmp_path, "cvat", [np.eye(8, dtype=np.uint8)])
    text = (tmp_path / "task/chips.json").read_text()
    chip = text[text.index("  {") : text.rindex("]")].rstrip()
    (tmp_path / "chips.json").write_text(text.replace(chip, f"{chip},\n{chip}"))
    with pytest.raises(ValueRangeError, match="twice"):
        read_sidecar(tmp_path)

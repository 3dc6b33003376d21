"""Many scenes: one result for each, errors in their place."""

import numpy as np
import pytest

from kumosan.datasets import open_scene, read_mask
from kumosan.datasets.errors import FileError, UsageError
from kumosan.datasets.write import write_tile
from kumosan.detection import MaskSettings, mask_scenes


@pytest.fixture
def files(scene, tmp_path):
    cloud = np.hypot(*(np.mgrid[:40, :40] - 20)) < 9
    for name in "ab":
        write_tile(tmp_path / f"{name}.tif", scene(cloud))
    (tmp_path / "bad.tif").write_bytes(b"II*\0 but no more")
    return tmp_path


def test_a_bad_scene_has_its_error_in_its_place_and_the_others_go_on(files):
    given = [files / "a.tif", files / "bad.tif", open_scene(files / "b.tif"), files / "none.tif"]
    a, bad, b, none = mask_scenes(given, MaskSettings("fmask"), files)
    assert isinstance(bad, FileError) and isinstance(none, FileError)
    for done, name in ((a, "a"), (b, "b")):
        assert done.outputs == {"mask": str(files / f"{name}_mask.tif")}
        assert done.cover["thick_cloud"] > 0.1
        assert (read_mask(files / f"{name}_mask.tif").classes > 0).any()


def test_two_scenes_of_one_name_are_refused(files):
    (files / "more").mkdir()
    with pytest.raises(UsageError, match="several scenes called a"):
        mask_scenes([files / "a.tif", files / "more" / "a.tif"], MaskSettings("fmask"), files)
    assert not (files / "a_mask.tif").exists()

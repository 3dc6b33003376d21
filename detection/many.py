"""Many scenes, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..datasets.errors import KumosanError, UsageError
from ..datasets.read import open_scene
from ..datasets.scene import Scene
from .engine import mask_scene
from .mask_settings import MaskResult, MaskSettings


def mask_scenes(
    scenes: Iterable[str | Path | Scene],
    settings: MaskSettings | None = None,
    folder: str | Path = ".",
) -> list[MaskResult | KumosanError]:
    """Mask scenes one after the other into ``<folder>/<scene>_mask.tif``.

    The network is loaded once. A scene that cannot be masked has its error in its place, and the
    others go on; what is not a `KumosanError` (a bug, a full memory, Ctrl-C) ends the run.

    Args:
        scenes: paths as for `datasets.open_scene`, or scenes opened with it where a file needs
            its options.
        settings: how; the defaults if None.
        folder: an existing folder.

    Returns:
        One result or error for each scene, in order.

    Raises:
        UsageError: two scenes of one name, whose masks would be one file.
    """
    given = list(scenes)
    names = [Path(s.path if isinstance(s, Scene) else s).resolve().stem for s in given]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"several scenes called {', '.join(twice)}", "a name of its own for each mask",
            "mask them into different folders",
        )  # fmt: skip
    done: list[MaskResult | KumosanError] = []
    for scene, name in zip(given, names, strict=True):
        try:
            opened = scene if isinstance(scene, Scene) else open_scene(scene)
            done.append(mask_scene(opened, Path(folder) / f"{name}_mask.tif", settings))
        except KumosanError as error:
            done.append(error)
    return done

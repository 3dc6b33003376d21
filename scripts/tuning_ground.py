"""The clear scenes that `tune` paints clouds on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..datasets import Scene, open_scene
from ..datasets.catalog import is_clear, rows_to_learn
from ..datasets.errors import UnfitError
from ..detection.engine import choose_for
from ..detection.mask_settings import MaskSettings
from .options import Reading
from .pipeline import clear_inputs


def clear_scenes(
    paths: Sequence[Path],
    catalog: Path | None,
    reading: Reading,
    detector: str,
    others: Sequence[str] = (),
) -> tuple[tuple[Scene, ...], list[str]]:
    """The scenes, and the paths of those that are left out because a detector does not fit.

    Args:
        paths: scenes or folders of them.
        catalog: of whose split ``train`` the clear images are taken too; None for none.
        reading: options of reading ``paths``.
        detector: its name, or ``auto``: that of the first scene.
        others: names of more that have to fit.

    Raises:
        UsageError: options of reading, and nothing to read.
        UnfitError: the catalogue has no clear image in split train, or the detector fits none.
    """
    scenes = clear_inputs(paths, reading)
    if catalog is not None:
        clear = [row for row in rows_to_learn(catalog, "train") if is_clear(row)]
        if not clear:
            raise UnfitError(
                f"{catalog} without a clear image in split train",
                "rows with role 'clear', or with a mask drawn by people that holds no cloud",
                "name clear scenes instead",
            )
        scenes += [open_scene(row.image) for row in clear]
    if not scenes:
        return (), []
    name, fitting, left = detector, [], []
    for scene in scenes:
        try:
            name = choose_for(scene, MaskSettings(name))[0]
            for other in others:
                choose_for(scene, MaskSettings(other))
        except UnfitError as error:
            left.append(scene.path)
            lacking = error
            continue
        fitting.append(scene)
    if not fitting:
        raise lacking
    return tuple(fitting), left

"""A filled scene that is written window by window, as `write` writes one that is held."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from rasterio.windows import Window

from .cog_parts import BLOCKS, cog_in_parts
from .legend import PROVENANCE_LEGEND, category_tags, colormap, write_style
from .scene import Scene
from .tile import NODATA, FilledTile
from .write import described, filled_numbers, in_percent

PutFilled = Callable[[FilledTile, Window], None]
"""Takes a part of a filled scene and the window where it belongs."""


@contextmanager
def filled_parts(
    outputs: Mapping[str, Path], scene: Scene, overwrite: bool = False
) -> Iterator[PutFilled]:
    """The filled scene, its provenance and its confidence, each there whole or not at all.

    Args:
        outputs: paths by kind: ``provenance``, ``confidence`` and ``filled``, which comes last:
            where it is, everything is.
        scene: what is filled.
        overwrite: replace existing files.

    Raises:
        OutputError: a file exists already, cannot be written, or reads back other than written.
    """
    grid, encoding = scene.grid, scene.encoding
    corner = scene.read(Window(0, 0, 1, 1))
    with ExitStack() as stack:
        numbers = stack.enter_context(
            cog_in_parts(
                outputs["filled"], grid, len(scene.bands), encoding.dtype, encoding.nodata,
                overwrite, layout=BLOCKS, **described(corner, changed=True),
            )
        )  # fmt: skip
        confidence = stack.enter_context(
            cog_in_parts(
                outputs["confidence"], grid, 1, "uint8", NODATA, overwrite, layout=BLOCKS,
                descriptions=["confidence"], scales=[0.01], offsets=[0.0],
            )
        )  # fmt: skip
        provenance = stack.enter_context(
            cog_in_parts(
                outputs["provenance"], grid, 1, "uint8", NODATA, overwrite, layout=BLOCKS,
                descriptions=["provenance"], band_tags=[category_tags(PROVENANCE_LEGEND)],
                colormap=colormap(PROVENANCE_LEGEND), overview_resampling="nearest",
            )
        )  # fmt: skip

        def put(part: FilledTile, window: Window) -> None:
            numbers(filled_numbers(part), window)
            provenance(part.provenance[None], window)
            confidence(in_percent(part.confidence)[None], window)

        yield put
    write_style(outputs["provenance"], PROVENANCE_LEGEND)

"""Masks as pictures: PNG files in an export, and CVAT's format ``Segmentation mask 1.1``."""

from __future__ import annotations

import io
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..archive import File, Member, head
from ..errors import FileError, ValueRangeError
from ..tile import CLEAR, BoolArray, ByteArray
from .classes import code_of
from .drawing import ChipLabel, Shape, whole
from .rle import check_size

_MAX_BYTES = 64 * 2**20
_CLASSES = "SegmentationClass"


def picture(content: bytes, where: str, mode: str = "RGB") -> NDArray[np.uint8]:
    """(y, x, 3) uint8, or (y, x, 4) of mode RGBA; the declared size is checked first.

    Raises:
        FileError: it is no PNG picture, or a damaged one.
        ValueRangeError: its size is not believable.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
            check_size((image.height, image.width), where)
            return np.asarray(image.convert(mode))
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FileError(f"{where} is no PNG ({error})", "a mask as PNG", "export again") from error


def covered(content: bytes, where: str, colour: tuple[int, ...] | None) -> BoolArray:
    """(y, x) bool of a mask: the pixels of ``colour``, or with None those that are not black."""
    seen = picture(content, where, "RGBA")
    if colour is not None:
        return np.asarray((seen[..., :3] == np.array(colour[:3], np.uint8)).all(axis=-1))
    return np.asarray((seen[..., :3] > 0).any(axis=-1) & (seen[..., 3] > 0))


def read_masks(top: Path | Member, where: str) -> list[ChipLabel]:
    """Labels in ``SegmentationClass/*.png`` with the colours that ``labelmap.txt`` gives.

    Raises:
        FileError: no labelmap, or a damaged file.
        ValueRangeError: an unknown class, or a colour that the labelmap does not have.
    """
    colours = _labelmap(top / "labelmap.txt")
    folder = top / _CLASSES
    found = [f for f in folder.rglob("*.png") if isinstance(f, Member) or f.is_file()]
    if not found:
        raise FileError(f"{where} holds no mask", f"{_CLASSES}/*.png", "export it again")
    labels = []
    for file in sorted(found, key=str):
        seen = picture(head(file, _MAX_BYTES), str(file))
        shape = seen.shape[:2]
        classes = _classes(seen, colours, str(file))
        drawn = [
            Shape(int(code), whole(np.asarray(classes == code), str(file)))
            for code in np.unique(classes)
            if code != CLEAR
        ]
        name = str(PurePosixPath(_below(file, folder)).with_suffix(""))
        labels.append(ChipLabel(name, (shape[0], shape[1]), tuple(drawn), drawn=True))
    return labels


def _below(file: File, folder: File) -> str:
    if isinstance(file, Member) and isinstance(folder, Member):
        return str(PurePosixPath(file.inner).relative_to(folder.inner))
    return Path(str(file)).relative_to(str(folder)).as_posix()


def _labelmap(file: Any) -> dict[tuple[int, ...], int]:
    """Code of each colour."""
    try:
        lines = head(file, 1 << 20).decode("utf-8").splitlines()
    except (OSError, ValueError):
        raise FileError(
            f"{file} cannot be read", "the labelmap of the export", "export again"
        ) from None
    out: dict[tuple[int, ...], int] = {}
    for line in lines:
        name, _, rest = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        parts = rest.split(":")[0].split(",")
        if len(parts) != 3 or not all(p.strip().isdecimal() for p in parts):
            raise FileError(f"{file} has the line '{line[:60]}'", "name:r,g,b::", "export again")
        colour = tuple(int(p) for p in parts)
        code = code_of(name, str(file))
        if out.setdefault(colour, code) != code:
            raise ValueRangeError(
                f"{file} gives two classes the colour {colour}", "one each", "export again"
            )
    return out


def _classes(seen: NDArray[np.uint8], colours: dict[tuple[int, ...], int], where: str) -> ByteArray:
    flat = seen.astype(np.uint32)
    packed = flat[..., 0] << 16 | flat[..., 1] << 8 | flat[..., 2]
    out = np.zeros(packed.shape, np.uint8)
    for value in np.unique(packed):
        colour = (int(value) >> 16, int(value) >> 8 & 255, int(value) & 255)
        if colour not in colours:
            raise ValueRangeError(
                f"{where} has the colour {colour}", "those of labelmap.txt", "export again"
            )
        out[packed == value] = colours[colour]
    return out

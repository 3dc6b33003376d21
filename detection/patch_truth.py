"""When a patch is clear: at most 5 % of its valid pixels are cloud, thin or thick, or shadow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..datasets.tile import CLEAR, NODATA, SHADOW, ByteArray

if TYPE_CHECKING:
    from torch import Tensor

LIMIT = 0.05
"""A patch with a larger share of cloud and shadow is cloudy."""
SURE = (0.02, 0.08)
"""Nothing is learnt from patches whose share may lie between these."""
HIDDEN = 0.3
"""Weight, in the loss, of clear patches of images whose shadows nobody drew."""


def contaminated_share(classes: ByteArray) -> float:
    """Share of cloud and shadow among the pixels of a mask that are not nodata; NaN if all are."""
    known = classes != NODATA
    return float((classes[known] != CLEAR).mean()) if known.any() else float("nan")


def patch_labels(mask: Tensor, valid: Tensor, meanings: Tensor) -> tuple[Tensor, Tensor]:
    """What a batch of masks says of its patches.

    Args:
        mask: (n, y, x) classes; 255 on valid pixels means that nobody knows.
        valid: (n, y, x) bool.
        meanings: (n, 4, 4), see `labelled.meanings`.

    Returns:
        (n,) float32 1 where the patch is clear, and (n,) float32 weights: 0 where it is not sure.
    """
    pixels = valid.sum(dim=(1, 2)).clamp(min=1)
    known = valid & (mask != NODATA)
    least = (known & (mask != CLEAR)).sum(dim=(1, 2)) / pixels
    most = least + (valid & ~known).sum(dim=(1, 2)) / pixels
    clear = (most < SURE[0]).float()
    weight = ((most < SURE[0]) | (least > SURE[1])).float()
    hidden = meanings[:, CLEAR, SHADOW] > 0
    weight = weight.where(~(hidden & (clear > 0)), weight * HIDDEN)
    return clear, weight * (valid.float().mean(dim=(1, 2)) >= 0.5)


def truth(classes: ByteArray) -> bool | None:
    """Whether a patch with this mask is clear; None where less than half of it is known."""
    if np.count_nonzero(classes != NODATA) < classes.size / 2:
        return None
    return contaminated_share(classes) <= LIMIT

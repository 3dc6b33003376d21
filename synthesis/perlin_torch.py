"""The same noise as a tensor, computed on any device of PyTorch (extra ``nets``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .lattice import GRADIENT_X, GRADIENT_Y, Fold, columns, fade, rows
from .perlin import plan

if TYPE_CHECKING:
    import torch


def fractal_noise_torch(
    shape: tuple[int, int],
    period_px: float | tuple[float, float],
    *,
    device: torch.device | str = "cpu",
    offset: tuple[float, float] = (0.0, 0.0),
    octaves: int = 6,
    persistence: float = 0.5,
    lacunarity: float = 2.0,
    fold: Fold = "none",
    repeat: tuple[int, int] | None = None,
) -> torch.Tensor:
    """``fractal_noise`` on ``device``: pass ``tensor.device`` to draw beside a tensor.

    The lattice, a few thousand numbers, is laid out on the host in double precision; the pixels
    are computed on the device.

    Returns:
        (height, width) float32 tensor, equal to ``fractal_noise`` but for rounding.

    Raises:
        ValueRangeError: as ``fractal_noise``.
    """
    import torch

    def put(array: NDArray[Any]) -> torch.Tensor:
        dtype = np.int64 if array.dtype.kind == "i" else np.float32
        return torch.from_numpy(np.ascontiguousarray(array, dtype)).to(device)

    planned = plan(shape, period_px, offset, octaves, persistence, lacunarity, fold, repeat)
    across, down = columns(planned), rows(planned)
    gradients = put(GRADIENT_X), put(GRADIENT_Y)
    total = torch.zeros(shape, dtype=torch.float32, device=device)
    for k, weight in enumerate(planned.weights.tolist()):
        start, end = down.starts[k : k + 2]
        number = put(down.numbers[start:end])[:, None]
        before, after = number + put(across.low[k]), number + put(across.high[k])
        fx, sx = put(across.between[k]), put(fade(across.between[k]))
        fy, sy = (put(v)[:, None] for v in (down.between[k], fade(down.between[k])))
        above = put(down.low[k] - start)
        gx, gy = (torch.stack([g[before], g[after]]) for g in gradients)
        along = gx[0] * (fx * (1 - sx)) + gx[1] * ((fx - 1) * sx)
        aside = gy[0] * (1 - sx) + gy[1] * sx
        top = along[above] + fy * aside[above]
        drawn = torch.lerp(top, along[above + 1] + (fy - 1) * aside[above + 1], sy)
        if fold != "none":
            drawn = 2 * drawn.abs() - 1 if fold == "billow" else 1 - 2 * drawn.abs()
        total += weight * drawn
    return total

"""One batch of windows through a network: scale, pad, run, average, scale back."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from ..datasets.tile import FloatArray
from .inputs import resized
from .runtimes import Runtime

_GUIDES = slice(0, 3)
"""Canonical bands whose mean guides the way back to fine pixels: blue, green, red."""


@dataclass
class Predictor:
    """(n, band, y, x) reflectance -> (n, 4, y, x) probabilities, whatever runs the network.

    Where the memory does not do for a batch, the batch is halved and stays so.
    """

    runtime: Runtime
    present: FloatArray
    """(band,) float32, 1 where the sensor has the band."""
    stride: int
    """Sides of what the network sees are multiples of it; smaller windows are mirrored."""
    flip: bool = False
    """Average with the windows upside down."""
    factor: float = 1.0
    """Pixels are averaged over squares of so many, and probabilities brought back."""
    guided: bool = False
    """Bring them back along the edges of the visible bands, not linearly."""
    batch: int = field(init=False)

    def __post_init__(self) -> None:
        self.batch = self.runtime.batch

    def __call__(self, images: FloatArray) -> FloatArray:
        if self.factor <= 1:
            return self._predicted(images)
        shape = images.shape[2:]
        coarse = (max(1, round(shape[0] / self.factor)), max(1, round(shape[1] / self.factor)))
        small = np.stack([resized(image, coarse) for image in images])
        p = self._predicted(small)
        if not self.guided:
            return np.stack([resized(one, (shape[0], shape[1])) for one in p])
        from .guided import guided

        there = [i for i in range(*_GUIDES.indices(len(self.present))) if self.present[i]]
        return np.stack(
            [
                guided(one, tiny[there].mean(axis=0), image[there].mean(axis=0))
                for one, tiny, image in zip(p, small, images, strict=True)
            ]
        )

    def _predicted(self, images: FloatArray) -> FloatArray:
        height, width = images.shape[2:]
        pad = ((0, 0), (0, 0), (0, -height % self.stride), (0, -width % self.stride))
        if pad[2][1] or pad[3][1]:
            images = np.asarray(np.pad(images, pad, mode="symmetric"), np.float32)
        p = self._run(images)
        if self.flip:
            upside = self._run(np.ascontiguousarray(images[:, :, ::-1]))
            p = np.asarray((p + upside[:, :, ::-1]) / 2, np.float32)
        return p[:, :, :height, :width]

    def _run(self, images: FloatArray) -> FloatArray:
        while True:
            parts = range(0, len(images), self.batch)
            try:
                found = [self.runtime(images[k : k + self.batch], self.present) for k in parts]
                return found[0] if len(found) == 1 else np.concatenate(found)
            except Exception as error:
                if not out_of_memory(error):
                    raise
                if self.batch == 1:
                    raise MemoryError("one window does not fit the memory") from error
                self.batch //= 2


def out_of_memory(error: Exception) -> bool:
    """Whether torch, ONNX Runtime, OpenVINO or NumPy says that memory is short."""
    return isinstance(error, MemoryError) or any(w in str(error).lower() for w in _SHORT)


_SHORT = ("out of memory", "can't allocate memory", "failed to allocate", "bad_alloc", "bad alloc")

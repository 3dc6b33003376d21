"""The direct sun below layers of cloud."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..datasets.tile import FloatArray, Tile
from . import optics
from .atmosphere import sunlight
from .blocks import Block, exp, log
from .clouds import CloudPlane
from .shadows import shadow_shift, soften

_LEAST = 1e-6


class Sunlight:
    """The direct sun below layers of cloud, at any wavelength.

    Args:
        sun_zenith_deg: angle of the sun from the vertical.
        logs: of every layer, one at least, its Angstrom exponent and the logarithm of the share
            of the sun that passes it at 550 nm; all of the same shape.
    """

    def __init__(self, sun_zenith_deg: float, logs: Sequence[tuple[float, FloatArray]]) -> None:
        self.sun_zenith_deg = sun_zenith_deg
        self._logs = logs

    @classmethod
    def below(
        cls, planes: Sequence[CloudPlane], tile: Tile, gsd_m: float, above_m: float = 0.0
    ) -> Sunlight:
        """What passes ``planes`` (one at least), at ``above_m`` over the ground of ``tile``."""
        logs = []
        for plane in planes:
            layer = plane.layer
            tau = plane.towards_sun(shadow_shift(layer, tile, above_m))
            share = optics.sun_transmittance(tau, layer)
            step = plane.sun_step
            share = soften(share, layer, gsd_m * step, above_m)
            if step > 1:
                size = share.shape[1] * step, share.shape[0] * step
                share = np.asarray(cv2.resize(share, size, interpolation=cv2.INTER_LINEAR))
                share = np.ascontiguousarray(share[: tile.shape[0], : tile.shape[1]])
            logs.append((layer.alpha, log(np.maximum(share, np.float32(_LEAST), out=share))))
        return cls(planes[0].layer.sun_zenith_deg, logs)

    def at(self, block: Block) -> Sunlight | None:
        """The same for the pixels of ``block``; None if nothing stands between there."""
        logs = [(alpha, block.read(passed)) for alpha, passed in self._logs]
        logs = [(alpha, passed) for alpha, passed in logs if passed.min() < 0]
        return Sunlight(self.sun_zenith_deg, logs) if logs else None

    def factor(self, nm: float, scale: float = 1.0) -> FloatArray:
        """Light at ``nm`` over that without cloud (``shadow_factor``), times ``scale``.

        T(lambda) comes from T(550 nm) as for an exponential: T^((lambda/550)^-alpha).
        """
        beam, sky = sunlight(nm, self.sun_zenith_deg)
        (alpha, first), *others = self._logs
        total = first * np.float32((nm / 550.0) ** -alpha)
        for alpha, passed in others:
            total += passed * np.float32((nm / 550.0) ** -alpha)
        exp(total)
        total *= np.float32(scale * beam / (beam + sky))
        total += np.float32(scale * sky / (beam + sky))
        return total

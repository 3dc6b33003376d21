"""What the generator and the discriminator are told: adversarial losses, and distances by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..datasets.errors import MissingExtraError, UsageError
from ..datasets.vision import torchvision
from .restorer import contaminated

NAMES = ("relative", "squares", "l1", "sam", "ssim")
"""Distances that `Distance` knows."""
SSIM_WINDOW, SSIM_SIGMA = 11, 1.5
"""Pixels of SSIM's window, and its Gaussian (Wang et al. 2004)."""
LEAST_ERROR = 0.002
"""Added to the prior's mean absolute error where the loss is a share of it."""
_TINY = 1e-6
_FEWEST = 32
"""Pixels of a class below which a sample tells nothing of it."""

Adversarial = Literal["bce", "lsgan"]


def adversarial(kind: Adversarial, logits: Tensor, real: bool) -> Tensor:
    """How far the discriminator is from calling all patches real (or not real).

    ``bce``: cross-entropy of the logits (Goodfellow et al. 2014, the generator's loss being
    -log D(G(x))). ``lsgan``: (D - 1)^2 or D^2, least squares (Mao et al. 2017).
    """
    truth = torch.full_like(logits, float(real))
    if kind == "lsgan":
        return functional.mse_loss(logits, truth)
    return functional.binary_cross_entropy_with_logits(logits, truth)


class Distance(nn.Module):
    """Weighted distances between a restored and a true image.

    Args:
        terms: weight of each of `NAMES`: ``l1`` mean absolute difference of the scaled values (see
            `Restorer.scaled`), ``sam`` mean angle between spectra in radians, ``ssim`` 1 - SSIM,
            ``relative`` the mean absolute difference as a share of the prior's, for thick and thin
            cloud and for shadow of each sample alike: 1 is as good as the prior; ``squares`` the
            same with root mean squares.
        clear_weight: weight of clear pixels, those under cloud or shadow having 1.
        white: reflectance that is scaled to 1.

    Raises:
        UsageError: there is no such distance.
    """

    def __init__(self, terms: Mapping[str, float], clear_weight: float, white: float) -> None:
        super().__init__()
        unknown = sorted(set(terms) - set(NAMES))
        if unknown:
            raise UsageError(
                f"losses {', '.join(unknown)}", f"some of {', '.join(NAMES)}", "correct [loss]"
            )
        self.terms, self.clear_weight, self.white = dict(terms), clear_weight, white

    def forward(
        self,
        out: Tensor,
        target: Tensor,
        present: Tensor,
        valid: Tensor,
        cloud: Tensor,
        prior: Tensor | None = None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted sum, and each distance without its weight, in full precision.

        Args:
            out, target: (n, band, y, x) reflectance.
            present: (n, band) 1 where the sensor has the band; others do not count.
            valid: (n, y, x) bool; other pixels do not count.
            cloud: (n, 4, y, x) the mask; see `restorer.one_hot`.
            prior: (n, band, y, x) reflectance; ``relative`` and ``squares`` need it.
        """
        with torch.autocast(out.device.type, enabled=False):
            return self._distances(out, target, present, valid, cloud, prior)

    def _distances(
        self,
        out: Tensor,
        target: Tensor,
        present: Tensor,
        valid: Tensor,
        cloud: Tensor,
        prior: Tensor | None,
    ) -> tuple[Tensor, dict[str, Tensor]]:
        known = valid[:, None].float()
        bands = present[:, :, None, None] * known
        weight = self.clear_weight + (1 - self.clear_weight) * contaminated(cloud)
        weight = weight * known
        maps = {"l1": self._l1, "sam": _angle, "ssim": self._unlike}
        values = {}
        for name in self.terms:
            if name in ("relative", "squares"):
                if prior is None:
                    raise ValueError("no prior to compare with")
                power = 2 if name == "squares" else 1
                values[name] = _share_of(out, prior, target, bands, cloud, power)
                continue
            share = weight if name == "sam" else (weight * bands).expand_as(out)
            distance = maps[name](out * bands, target * bands)
            values[name] = (distance * share).sum() / share.sum().clamp(min=_TINY)
        total = out.new_zeros(())
        for name, value in values.items():
            total = total + self.terms[name] * value
        return total, values

    def _l1(self, out: Tensor, target: Tensor) -> Tensor:
        return (out - target).abs() * (2 / self.white)

    def _unlike(self, out: Tensor, target: Tensor) -> Tensor:
        """1 - SSIM of each band at each pixel."""
        torchvision()  # its cure must come before torchmetrics, which imports it
        try:
            from torchmetrics.functional.image import structural_similarity_index_measure as ssim
        except ImportError as error:  # pragma: no cover - depends on the installation
            raise MissingExtraError("training", "train") from error
        _, full = ssim(
            out, target, sigma=SSIM_SIGMA, kernel_size=SSIM_WINDOW, data_range=self.white,
            return_full_image=True,
        )  # fmt: skip
        return 1 - full  # type: ignore[no-any-return]


def _share_of(
    out: Tensor, prior: Tensor, target: Tensor, bands: Tensor, cloud: Tensor, power: int
) -> Tensor:
    """Mean difference over the prior's, a mean over the samples and their classes.

    Args:
        power: 1 for means of absolute differences, 2 for roots of mean squares.
    """
    where = cloud[:, 1:, None] * bands[:, None]  # (n, class, band, y, x)
    count = where.sum(dim=(2, 3, 4))
    least = LEAST_ERROR**power
    new, old = (
        ((x - target).abs().pow(power)[:, None] * where).sum(dim=(2, 3, 4)) / count.clamp(min=1)
        + least
        for x in (out, prior)
    )
    told = (cloud[:, 1:].sum(dim=(2, 3)) >= _FEWEST) & (count > 0)
    share = (new / old) ** (1 / power)
    return (share * told).sum() / told.sum().clamp(min=1)


def _angle(out: Tensor, target: Tensor) -> Tensor:
    """(n, 1, y, x) spectral angle in radians (Kruse et al. 1993), 0 where a spectrum is 0.

    2 asin(|a - b| / 2) of unit vectors: as arccos(a . b), with a gradient at small angles.
    """
    lengths = [x.square().sum(1, keepdim=True).add(_TINY**2).sqrt() for x in (out, target)]
    chord = (out / lengths[0] - target / lengths[1]).square().sum(1, keepdim=True)
    known = (lengths[0] > 10 * _TINY) & (lengths[1] > 10 * _TINY)
    half = chord.where(known, 0).add(_TINY**2).sqrt() / 2
    return 2 * torch.asin(half.clamp(max=1 - _TINY))

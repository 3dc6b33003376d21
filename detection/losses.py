"""Losses by name, summed with weights. Labels may be partial: see `datasets.labelled.meanings`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..datasets.errors import UsageError
from ..datasets.tile import NODATA
from .network import smp

_NEVER = -60.0
"""Logarithm of what counts as no probability; far lower ones underflow in exp, which is slow."""
NAMES = ("ce", "dice", "focal", "lovasz")


class PartialCrossEntropy(nn.Module):
    """-log of the probability of all classes that a label may stand for.

    For a full label this is cross-entropy; for "clear, or a shadow that nobody drew" it is
    -log(p_clear + p_shadow) and takes no side between them.

    Args:
        class_weights: of the four codes in the mask.
    """

    def __init__(self, class_weights: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(class_weights, dtype=torch.float32))

    def forward(self, logits: Tensor, mask: Tensor, meanings: Tensor) -> Tensor:
        """Mean over the pixels that are not 255, each by its class's weight.

        Args:
            logits: (n, 4, y, x).
            mask: (n, y, x) int64 codes, 255 where nothing is known.
            meanings: (n, 4, 4) float: row = code, column = class that it may stand for.
        """
        known = mask != NODATA
        code = mask.where(known, 0)
        allowed = meanings.gather(1, code.flatten(1)[:, :, None].expand(-1, -1, 4))
        allowed = allowed.transpose(1, 2).reshape_as(logits)
        log_p = logits.log_softmax(1)
        given = torch.logsumexp(log_p.masked_fill(allowed == 0, _NEVER), dim=1)
        weights = self.get_buffer("weights")[code] * known
        return -(weights * given).sum() / weights.sum().clamp(min=1.0)


class Loss(nn.Module):
    """A weighted sum of losses.

    ``ce`` (partial cross-entropy), ``dice``, ``focal``, ``lovasz``; the last three, of
    segmentation-models-pytorch, see only pixels whose label has one meaning.

    Args:
        terms: name -> weight.
        class_weights: of the four classes, for ``ce``.

    Raises:
        UsageError: there is no such loss, or none.
    """

    def __init__(self, terms: Mapping[str, float], class_weights: Sequence[float]) -> None:
        super().__init__()
        unknown = sorted(set(terms) - set(NAMES))
        if unknown or not terms:
            raise UsageError(
                f"losses {', '.join(unknown) or 'none'}",
                f"some of {', '.join(NAMES)}",
                "correct [loss]",
            )
        self.terms = dict(terms)
        self.partial = PartialCrossEntropy(class_weights)
        self.others = nn.ModuleDict({n: _FULL[n]() for n in terms if n != "ce"})

    def forward(self, logits: Tensor, mask: Tensor, meanings: Tensor) -> Tensor:
        """The sum; arguments as in `PartialCrossEntropy.forward`."""
        total = logits.new_zeros(())
        full: Tensor | None = None
        for name, weight in self.terms.items():
            if name == "ce":
                value = self.partial(logits, mask, meanings)
            else:
                full = unambiguous(mask, meanings) if full is None else full
                value = self.others[name](logits, full)
            total = total + weight * value
        return total


def unambiguous(mask: Tensor, meanings: Tensor) -> Tensor:
    """The mask with 255 where a code may stand for several classes."""
    several = meanings.sum(2) > 1
    code = mask.where(mask != NODATA, 0)
    unclear = several.gather(1, code.flatten(1)).view_as(mask)
    return mask.masked_fill(unclear, NODATA)


def _dice() -> Any:
    return smp().losses.DiceLoss("multiclass", ignore_index=NODATA)  # type: ignore[attr-defined]


def _focal() -> Any:
    return smp().losses.FocalLoss("multiclass", ignore_index=NODATA)  # type: ignore[attr-defined]


def _lovasz() -> Any:
    return smp().losses.LovaszLoss("multiclass", ignore_index=NODATA)  # type: ignore[attr-defined]


_FULL: dict[str, Callable[[], Any]] = {"dice": _dice, "focal": _focal, "lovasz": _lovasz}

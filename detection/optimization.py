"""Optimizers and schedules by name."""

from __future__ import annotations

from collections.abc import Iterable
from math import cos, pi

from torch import nn, optim

from .train_config import Optimization

WARM_UP = 0.1
"""Share of a one-cycle training in which the rate rises."""


def optimizer(
    parameters: Iterable[nn.Parameter], config: Optimization, mixed: bool = False
) -> optim.Optimizer:
    """The optimizer that ``config`` names, over the parameters that may move.

    Args:
        parameters: of the network.
        config: name and settings.
        mixed: for mixed precision, where Lightning does not clip what moves in one pass.
    """
    moving = [p for p in parameters if p.requires_grad]
    rate, decay = config.learning_rate, config.weight_decay
    if config.optimizer == "sgd":
        return optim.SGD(moving, rate, momentum=0.9, weight_decay=decay, nesterov=True)
    kinds = {
        "adamw": optim.AdamW, "adam": optim.Adam, "radam": optim.RAdam, "nadam": optim.NAdam,
    }  # fmt: skip
    # One pass over the weights instead of ten: on processors these cost a sixth of a step.
    one_pass = config.optimizer in ("adamw", "adam") and all(p.device.type == "cpu" for p in moving)
    fused = {"fused": True} if one_pass and not mixed else {}
    return kinds[config.optimizer](moving, lr=rate, weight_decay=decay, **fused)


def rate_factor(scheduler: str, step: int, steps: int) -> float:
    """Learning rate at ``step`` of ``steps`` over the configured one.

    ``one-cycle``: linear rise over the first tenth, then half a cosine to 1e-3 (after Smith 2018);
    ``cosine``: half a cosine (Loshchilov & Hutter 2017); ``poly``: (1 - t)^0.9.
    """
    t = min(step / max(steps, 1), 1.0)
    if scheduler == "one-cycle":
        if t < WARM_UP:
            return 0.04 + 0.96 * t / WARM_UP
        return 1e-3 + (1 - 1e-3) * (1 + cos(pi * (t - WARM_UP) / (1 - WARM_UP))) / 2
    if scheduler == "cosine":
        return (1 + cos(pi * t)) / 2
    return float((1 - t) ** 0.9) if scheduler == "poly" else 1.0

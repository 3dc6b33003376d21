"""Weights on disk: safetensors with a JSON card in their metadata. Nothing is ever unpickled.

The card says what the network is (enough to build it), which bands it reads, what it was trained
on and how well it did. Tensors are stored as float16; the card holds their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from .. import __version__
from .atomic import atomic_file
from .bands import BandSet
from .errors import FileError, UnfitError
from .samples import CANONICAL_BANDS

if TYPE_CHECKING:
    from torch import Tensor, nn

Net = TypeVar("Net", bound="nn.Module")
_KEY = "kumosan"


class WeightsError(UnfitError):
    """Weights that are damaged, not safetensors, or made for another network or other bands."""


@dataclass(frozen=True)
class ModelCard:
    """What a file of weights is, and where it comes from."""

    kind: str
    """``segmenter``, ``classifier`` or ``generator``."""
    network: Mapping[str, Any]
    """Settings that build the network."""
    bands: tuple[str, ...]
    """Names of the canonical bands that it reads, in order."""
    temperature: float = 1.0
    """Logits are divided by it before the softmax: calibrates the probabilities."""
    decision: Mapping[str, float] = field(default_factory=dict)
    """How classes are decided: thresholds and biases, by the names the detector uses."""
    data: str = ""
    """What it was trained on, in words."""
    scores: Mapping[str, Any] = field(default_factory=dict)
    """How well it did, on what."""
    training: Mapping[str, Any] = field(default_factory=dict)
    """The configuration of the training."""
    revision: str = ""
    """Version or git revision of the code that trained it."""
    licence: str = "Apache-2.0"
    sha256: str = ""
    """Of the tensors, see `digest`."""


def digest(state: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, shapes, dtypes and bytes of the tensors, in the order of the names."""
    import torch

    sha = hashlib.sha256()
    for name in sorted(state):
        tensor = state[name].detach().cpu().contiguous()
        sha.update(f"{name}:{tuple(tensor.shape)}:{tensor.dtype}".encode())
        sha.update(tensor.view(-1).view(torch.uint8).numpy().tobytes())
    return sha.hexdigest()


def save_weights(
    path: str | Path, state: Mapping[str, Tensor], card: ModelCard, *, overwrite: bool = False
) -> ModelCard:
    """Write the tensors as float16 (integers as they are) with the card; whole or not at all.

    Returns:
        The card as written, with its hash and revision.

    Raises:
        OutputError: the file exists, or its folder cannot be written.
    """
    from safetensors.torch import save

    small = {
        name: (t.half() if t.is_floating_point() else t).detach().cpu().contiguous()
        for name, t in state.items()
    }
    card = ModelCard(
        **{**card.__dict__, "sha256": digest(small), "revision": card.revision or __version__}
    )
    text = json.dumps(card.__dict__, default=_plain, sort_keys=True)
    payload = save(small, metadata={_KEY: text})
    with atomic_file(path, overwrite) as part:
        part.write_bytes(payload)
    return card


def read_card(path: str | Path) -> ModelCard:
    """The card alone; no tensor is read.

    Raises:
        FileError: there is no such file.
        WeightsError: it is not a safetensors file with a card of kumosan.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileError(f"{path} does not exist", "a .safetensors file", "correct the path")
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{path} is not a safetensors file ({error})",
            "weights written by kumosan (pickled checkpoints are never opened)",
            "export them with kumosan train, or pick another file",
        ) from error
    try:
        facts = json.loads(metadata[_KEY])
        return ModelCard(**{**facts, "bands": tuple(facts["bands"])})
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{path} has no model card that this version understands",
            "weights written by kumosan", "export them with kumosan train",
        ) from error  # fmt: skip


def load_weights(path: str | Path, kind: str) -> tuple[ModelCard, dict[str, Tensor]]:
    """Card and tensors (float32 where they are real numbers).

    Args:
        path: a ``.safetensors`` file.
        kind: what it must be, see `ModelCard.kind`.

    Raises:
        FileError: there is no such file.
        WeightsError: it is of another kind, its hash is wrong, or see `read_card`.
    """
    from safetensors.torch import load_file

    card = read_card(path)
    if card.kind != kind:
        raise WeightsError(
            f"{path} holds a {card.kind}", f"the weights of a {kind}", "pick another file"
        )
    state = load_file(path)
    if digest(state) != card.sha256:
        raise WeightsError(
            f"{path} has tensors that its card's hash does not know",
            "the file as it was written", "fetch it again",
        )  # fmt: skip
    return card, {n: t.float() if t.is_floating_point() else t for n, t in state.items()}


def load_network(
    path: Path,
    kind: str,
    build: Callable[[Mapping[str, Any]], Net],
    bands: Sequence[BandSet] = (CANONICAL_BANDS,),
) -> tuple[Net, ModelCard]:
    """The network in a file, ready to run, and its card.

    Args:
        path: a ``.safetensors`` file.
        kind: see `load_weights`.
        build: makes the network from the card's ``network``.
        bands: the sets that such a network may read.

    Raises:
        FileError, WeightsError: see `load_weights`.
        WeightsError: other bands than those, or tensors that do not fit the card.
    """
    card, state = load_weights(path, kind)
    if card.bands not in [known.names for known in bands]:
        raise WeightsError(
            f"{path} reads bands {', '.join(card.bands)}",
            f"the canonical bands {', '.join(bands[-1].names)}",
            "pick weights of this version",
        )
    net = build(card.network)
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise misfit(path) from error
    return net.eval(), card


def misfit(path: Path) -> WeightsError:
    """Of a file whose card and tensors contradict each other."""
    return WeightsError(
        f"{path}, whose tensors do not fit the network of its card",
        "a file as kumosan wrote it", "fetch or export it again",
    )  # fmt: skip


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)

"""Samples as a PNG during a training: what goes in, what comes out, what is true."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..datasets.fitting import Callback
from ..datasets.mixed import MixedDataset
from ..datasets.tile import ByteArray
from ..datasets.torch_data import Draw
from .restorer import composed, one_hot

FOLDER = "samples"
"""Folder in that of the run."""
ROWS = 4
"""Samples in a picture, spread over the data set; the same in each."""
_VISIBLE = (2, 1, 0)
"""Red, green and blue among the canonical bands."""


class Pictures(Callback):
    """Writes ``samples/epoch_0010.png`` after each tenth epoch, for example.

    Args:
        dataset: where the samples are from.
        out: the run's folder.
        every: epochs between pictures; 0 writes none.
    """

    def __init__(self, dataset: MixedDataset, out: Path, every: int) -> None:
        self.dataset, self.folder, self.every = dataset, out / FOLDER, every

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        done = trainer.current_epoch + 1
        if self.every and done % self.every == 0:
            from PIL import Image

            items = np.linspace(0, len(self.dataset) - 1, ROWS).astype(int)
            samples = [self.dataset[Draw(0, k, int(i))] for k, i in enumerate(items)]
            self.folder.mkdir(parents=True, exist_ok=True)
            image = Image.fromarray(sheet(pl_module.generator, samples))
            image.save(self.folder / f"epoch_{done:04d}.png")


def sheet(generator: Any, samples: list[dict[str, Tensor]]) -> ByteArray:
    """(y, x, 3) uint8: a row for each sample: cloudy, prior if there is one, restored, clear.

    Args:
        generator: a `Restorer`; left in the mode in which it was.
        samples: of one size.
    """
    batch = {name: torch.stack([s[name] for s in samples]) for name in samples[0]}
    image, cloud = batch["image"], one_hot(batch["mask"])
    prior = batch.get("prior", image)
    device = next(generator.parameters()).device
    training = generator.training
    generator.eval()
    with torch.no_grad():
        given = (x.to(device) for x in (image, batch["present"], cloud, prior))
        out = generator(*given).cpu()
    generator.train(training)
    if generator.config.composite:
        out = composed(out, image, cloud)
    columns = [image, prior, out, batch["target"]]
    if "prior" not in batch:
        del columns[1]
    bright = batch["target"][:, _VISIBLE].flatten(1).quantile(0.98, dim=1).clamp(min=1e-3)
    rows = torch.cat([c[:, _VISIBLE] for c in columns], dim=3) / bright[:, None, None, None]
    pixels = (rows.clamp(0, 1) * 255).permute(0, 2, 3, 1).flatten(0, 1)
    return np.asarray(pixels.numpy(), np.uint8)

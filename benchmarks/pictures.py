"""The pictures of docs/synthesis.md: each preset over the procedural landscape, with its numbers.

    python benchmarks/pictures.py [-o docs/synthesis]

Writes one small PNG a preset (natural colours, near infrared, classes) and prints the table of
parameters that goes with them. The same seed draws the same pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from kumosan.datasets.bands import NIR
from kumosan.datasets.pair import CloudyPair
from kumosan.datasets.quicklook import mask_colours
from kumosan.datasets.sensors import sensor
from kumosan.datasets.stretch import find_stretch, stretch_rgb
from kumosan.synthesis.composite import cloudify, generator
from kumosan.synthesis.landscape import landscape
from kumosan.synthesis.presets import PRESETS

SIZE, GSD_M, SEED, COLOURS, GAP = 280, 20.0, 7, 128, 4
NUMBERS = ("cover", "tau_550", "alpha", "base_m", "scale_m", "persistence", "edge", "stretch")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    docs = Path(__file__).parents[1] / "docs" / "synthesis"
    parser.add_argument("-o", "--output", type=Path, default=docs)
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    bands = sensor("sentinel-2a").bands
    clear = landscape((SIZE, SIZE), bands, np.random.default_rng(SEED), GSD_M)
    print("| preset | layer | " + " | ".join(NUMBERS) + " |\n" + "| --- " * 10 + "|")
    for number, name in enumerate(PRESETS):
        pair = cloudify(clear, generator(SEED, number), name)
        panels(pair).save(folder / f"{name}.png")
        for layer in pair.params:
            told = " | ".join(f"{getattr(layer, key):.3g}" for key in NUMBERS)
            print(f"| {name} | {layer.kind}, {layer.phase} | {told} |")


def panels(pair: CloudyPair) -> Image.Image:
    """Natural colours, near infrared and classes, in few colours so that the file is small."""
    nir = pair.cloudy.bands.find(NIR)
    grey = np.zeros(pair.mask.classes.shape) if nir is None else pair.cloudy.data[nir]
    shade = np.clip(255 * (grey / 0.95) ** 0.7, 0, 255).astype(np.uint8)
    views = (
        stretch_rgb(pair.cloudy, find_stretch(pair.clear)),
        np.repeat(shade[..., None], 3, 2),
        mask_colours(pair.mask)[..., :3],
    )
    sheet = Image.new("RGB", (len(views) * (SIZE + GAP) - GAP, SIZE), (255, 255, 255))
    for k, view in enumerate(views):
        sheet.paste(Image.fromarray(np.ascontiguousarray(view)), (k * (SIZE + GAP), 0))
    return sheet.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    main()

"""What the network would answer, whatever a rule will say of the scene as a whole.

A rule like Fmask speaks when it has seen all of a scene; the network, which works window by window,
would have to wait, and every pixel to be read twice. Instead it answers for every word that the
rule may say, and the answers are kept on disk until the rule has spoken.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import IO

import numpy as np
from numpy.typing import NDArray

from ..datasets.regrid import repeat
from ..datasets.tile import NODATA, SHADOW, THICK, THIN, ByteArray, FloatArray
from ..datasets.write import in_percent
from .segmenter import Segmenter
from .strips import Strip

WORDS = CLEAR_WORD, CLOUD_WORD, SHADOW_WORD = range(3)
WORD = np.full(256, CLEAR_WORD, np.uint8)
"""What a class of the rule (or nodata) means to the network."""
WORD[[THICK, THIN]], WORD[SHADOW] = CLOUD_WORD, SHADOW_WORD


def odds_after(odds: float) -> tuple[tuple[float, ...], ...]:
    """By word, what multiplies the odds of clear, thick, thin and shadow: those of cloud are
    multiplied where the rule finds cloud and divided elsewhere, those of shadow multiplied where it
    finds one."""
    return (1, 1 / odds, 1 / odds, 1), (1, odds, odds, 1), (1, 1 / odds, 1 / odds, odds)


def moved(p: FloatArray, words: ByteArray, odds: float) -> FloatArray:
    """Probabilities (4, y, x) whose odds are multiplied as ``words`` (y, x, or one) say."""
    table = np.asarray(odds_after(odds), np.float32)
    out: FloatArray = p * np.moveaxis(table[words], -1, 0)
    out /= out.sum(axis=0)
    return out


def answered(p: FloatArray, network: Segmenter, odds: float) -> ByteArray:
    """(y, x) uint8: the class under each word, two bits each."""
    out = np.zeros(p.shape[1:], np.uint8)
    for word, factors in enumerate(odds_after(odds)):
        out |= network.classes(p, factors) << np.uint8(2 * word)
    return out


def heard(answers: ByteArray, words: ByteArray) -> ByteArray:
    """(y, x) uint8 classes: of each pixel's `answered` that to the word that was said."""
    out: ByteArray = (answers >> (2 * words)) & np.uint8(3)
    return out


def finer(words: ByteArray, factor: int, top: int, shape: tuple[int, int]) -> ByteArray:
    """(rows, width) of the fine pixels from row ``top`` on, for words of averages."""
    rows, width = shape
    fine: ByteArray = repeat(words[top // factor : -(-(top + rows) // factor)], factor)
    return fine[top % factor :][:rows, :width]


@dataclass
class Kept:
    """Answers for rows from top to bottom: a byte a pixel, and 12 more with probabilities."""

    file: IO[bytes]
    """Where they are; open for reading and writing, and empty."""
    network: Segmenter
    """Decides."""
    odds: float
    """See `odds_after`."""
    probability: bool = False
    """Keep those, too."""
    _shapes: list[tuple[int, int]] = field(default_factory=list)

    def add(self, p: FloatArray, valid: NDArray[np.bool_]) -> None:
        """The next rows.

        Args:
            p: (4, y, x) probabilities.
            valid: (y, x) where the scene is known.
        """
        self._shapes.append(valid.shape)
        answers = answered(p, self.network, self.odds)
        self._write(np.where(valid, answers, np.uint8(NODATA)))
        if self.probability:
            p = np.where(valid, p, np.nan)
            for word in WORDS:
                self._write(in_percent(moved(p, np.full((1, 1), word, np.uint8), self.odds)))

    def strips(self, said: ByteArray, factor: int) -> Generator[Strip, None, None]:
        """The mask, now that the rule has spoken.

        Args:
            said: (y, x) classes of the scene averaged by ``factor``.
            factor: pixels of the scene along the side of one of those.
        """
        self.file.seek(0)
        coarse, top = WORD[said], 0
        for shape in self._shapes:
            words = finer(coarse, factor, top, shape)
            top += shape[0]
            answers = self._read(shape)
            classes = heard(answers, words)
            classes[answers == NODATA] = NODATA
            percent = None
            if self.probability:
                percent = np.choose(words, [self._read((4, *shape)) for _ in WORDS])
            yield Strip(classes, percent)

    def _write(self, numbers: ByteArray) -> None:
        self.file.write(np.ascontiguousarray(numbers).data)

    def _read(self, shape: Sequence[int]) -> ByteArray:
        return np.frombuffer(self.file.read(prod(shape)), np.uint8).reshape(shape)

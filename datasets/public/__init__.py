"""Readers of public data sets: each is a sequence of `LabelledTile`, read when asked for.

The files must lie on a local disk; nothing is downloaded.
"""

from __future__ import annotations

from .biome import L8Biome
from .cloud38 import Cloud38
from .cloudsen12 import CloudSEN12
from .drivendata import DrivenData
from .kappazeta import KappaZeta
from .pairs import RICE, SEN12MSCR

__all__ = ["RICE", "SEN12MSCR", "Cloud38", "CloudSEN12", "DrivenData", "KappaZeta", "L8Biome"]

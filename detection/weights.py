"""The weights that come with kumosan; what such a file is stands in `datasets.weights`."""

from __future__ import annotations

from pathlib import Path

from ..datasets.weights import ModelCard, WeightsError, save_weights

__all__ = ["PACKAGED", "ModelCard", "WeightsError", "save_weights"]

PACKAGED = Path(__file__).with_name("weights")
"""Folder of the weights that come with kumosan."""

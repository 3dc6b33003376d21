"""The weights that come with kumosan; what such a file is stands in `datasets.weights`."""

from __future__ import annotations

from pathlib import Path

PACKAGED = Path(__file__).with_name("weights")
"""Folder of the weights that come with kumosan."""

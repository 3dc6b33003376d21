"""Kumosan: find clouds and their shadows in satellite images and fill what they hide."""

__version__ = "0.1.0"

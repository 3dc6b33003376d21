"""Which service a labelling command talks to: keys from the environment, SDKs on demand."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..datasets.labels.labelbox_export import Fetch
    from ..datasets.labels.service import Service


def connect(tool: str) -> Service:
    """The service, with ``push(chips)`` and ``pull(project)``.

    Raises:
        UsageError: a key is not set.
        MissingExtraError: the SDK is not installed.
    """
    if tool == "labelbox":
        from ..datasets.labels.labelbox_service import LabelboxService

        return LabelboxService.connect(os.environ)
    from ..datasets.labels.cvat_service import CvatService

    return CvatService.connect(os.environ)


def mask_fetcher(tool: str) -> Fetch | None:
    """How masks behind addresses in a Labelbox export are fetched; None without a key."""
    key = os.environ.get("LABELBOX_API_KEY", "")
    if tool != "labelbox" or not key:
        return None
    from ..datasets.labels.mask_fetch import MaskFetcher

    return MaskFetcher(key)

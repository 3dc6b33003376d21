"""Labelbox over its SDK: project, ontology, data rows, pre-labels; an export for each pull."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..errors import FileError, MissingExtraError, UsageError
from .chips import Chips
from .drawing import ChipLabel
from .labelbox_export import Masks, read_labels
from .mask_fetch import MaskFetcher
from .service import key, told

_MANY = 500
"""Data rows that are sent in one call."""


@dataclass(frozen=True)
class LabelboxService:
    """A workspace that one has the key of."""

    client: Any
    """``labelbox.Client``."""
    key: str = field(repr=False)

    @classmethod
    def connect(cls, env: Mapping[str, str]) -> LabelboxService:
        """Use the key in ``LABELBOX_API_KEY``.

        Raises:
            UsageError: it is not set.
            MissingExtraError: the SDK is not installed.
        """
        secret = key(env, "LABELBOX_API_KEY", "Labelbox")
        try:
            from labelbox import Client
        except ImportError as error:
            raise MissingExtraError("talking to Labelbox", "labelbox") from error
        with told("Labelbox", (secret,)):
            return cls(Client(api_key=secret), secret)

    def push(self, chips: Chips) -> str:
        """Send chips as data rows, queue them in the project, and add pre-labels to review."""
        from labelbox import MALPredictionImport

        stamp = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M:%S")
        with told("Labelbox", (self.key,)):
            project = self._project(chips.project) or self._made(chips)
            rows = json.loads((chips.folder / "data_rows.json").read_text("utf-8"))
            dataset = self.client.create_dataset(  # no bucket of one's own: chips are uploaded
                iam_integration=None, name=f"{chips.project} {stamp}"
            )
            for first in range(0, len(rows), _MANY):
                part = [self._row(row, chips.folder) for row in rows[first : first + _MANY]]
                task = dataset.create_data_rows(part)
                task.wait_till_done(timeout_seconds=3600)
                _check(task.errors, "data rows")
            keys = [row["global_key"] for row in rows]
            project.create_batch(name=f"{chips.folder.resolve().name} {stamp}", global_keys=keys)
            path = chips.folder / "prelabels.ndjson"
            if path.is_file() and path.stat().st_size:
                lines = path.read_text("utf-8").splitlines()
                sent = MALPredictionImport.create_from_objects(
                    self.client, project.uid, f"{chips.project} {stamp}", [*map(json.loads, lines)]
                )
                sent.wait_till_done()
                _check(sent.errors, "pre-labels")
            return f"{self.client.app_url}/projects/{project.uid}"

    def pull(self, project: str) -> list[ChipLabel]:
        """Export the project and read its labels, with their masks.

        Raises:
            UsageError: there is no such project.
            FileError, ValueRangeError: see `labelbox_export.read_labels`.
        """
        with told("Labelbox", (self.key,)):
            found = self._project(project)
            if found is None:
                raise UsageError(
                    f"no project '{project}' in this workspace", "one that is there", "correct it"
                )
            told_too = ("label_details", "project_details", "performance_details")  # skipped ones
            task = found.export(params=dict.fromkeys(told_too, True))
            task.wait_till_done()
            rows = [line.json for line in task.get_buffered_stream()] if task.has_result() else []
        return read_labels(rows, f"project {project}", Masks(None, MaskFetcher(self.key)))

    def _project(self, name: str) -> Any:
        from labelbox import Project

        return next(iter(self.client.get_projects(where=Project.name == name)), None)

    def _made(self, chips: Chips) -> Any:
        from labelbox import MediaType

        ontology = json.loads((chips.folder / "ontology.json").read_text("utf-8"))
        made = self.client.create_ontology(f"{chips.project} clouds", ontology, MediaType.Image)
        project = self.client.create_project(name=chips.project, media_type=MediaType.Image)
        project.connect_ontology(made)
        return project

    def _row(self, row: dict[str, Any], folder: Path) -> dict[str, Any]:
        """A data row whose second picture is uploaded; the SDK uploads the first."""
        attached = [
            {**each, "value": self.client.upload_file(str(folder / each["value"]))}
            for each in row["attachments"]
        ]
        return {**row, "row_data": str(folder / row["row_data"]), "attachments": attached}


def _check(errors: Any, what: str) -> None:
    if errors:
        text = json.dumps(errors, default=str)[:300]
        raise FileError(f"Labelbox refused {what}: {text}", "none refused", "correct them")

"""CVAT over its SDK: a project with our labels, a task for each push, an export for each pull."""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import MissingExtraError, UsageError
from .chips import FOLDER, Chips
from .drawing import ChipLabel
from .exports import read_export
from .service import checked_server, key, told

_SERVER = "https://app.cvat.ai"
_EXPORT, _IMPORT = "CVAT for images 1.1", "CVAT 1.1"


@dataclass(frozen=True)
class CvatService:
    """A server that one is logged in to."""

    client: Any
    """``cvat_sdk.Client``."""
    url: str
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def connect(cls, env: Mapping[str, str]) -> CvatService:
        """Log in to ``CVAT_HOST`` (app.cvat.ai by default) with ``CVAT_ACCESS_TOKEN``, or with
        ``CVAT_USERNAME`` and ``CVAT_PASSWORD``.

        Raises:
            UsageError: a variable is not set, or the server is not asked over https.
            MissingExtraError: the SDK is not installed.
            FileError: the server refuses.
        """
        url = checked_server(env.get("CVAT_HOST", "").strip() or _SERVER)
        token = env.get("CVAT_ACCESS_TOKEN", "").strip()
        if token:
            how: dict[str, Any] = {"access_token": token}
        else:
            user = key(env, "CVAT_USERNAME", "CVAT (or CVAT_ACCESS_TOKEN)")
            how = {"credentials": (user, key(env, "CVAT_PASSWORD", "CVAT"))}
        try:
            from cvat_sdk import make_client
        except ImportError as error:
            raise MissingExtraError("talking to CVAT", "cvat") from error
        secrets = (token,) if token else (how["credentials"][1],)
        with told("CVAT", secrets):
            return cls(make_client(url, **how), url, secrets)

    def push(self, chips: Chips) -> str:
        """Add a task with the chips and their pre-labels to the project, made if there is none."""
        with told("CVAT", self.secrets), tempfile.TemporaryDirectory() as folder:
            number = self._project(chips.project)
            if number is None:
                labels = json.loads((chips.folder / "labels.json").read_text("utf-8"))
                number = self.client.projects.create({"name": chips.project, "labels": labels}).id
            archive = Path(folder) / f"{FOLDER}.zip"
            with zipfile.ZipFile(archive, "w") as box:  # PNGs are compressed already
                for file in sorted((chips.folder / FOLDER).rglob("*.png")):
                    box.write(file, file.relative_to(chips.folder / FOLDER))
            task = self.client.tasks.create_from_data(
                {"name": chips.folder.resolve().name, "project_id": number},
                [archive],
                data_params={"image_quality": 100, "sorting_method": "lexicographical"},
            )
            prelabels = chips.folder / "annotations.xml"
            if prelabels.is_file():
                task.import_annotations(_IMPORT, prelabels, conv_mask_to_poly=False)
            return f"{self.url}/tasks/{task.id}"

    def pull(self, project: str) -> list[ChipLabel]:
        """Export the project's annotations and read them.

        Raises:
            UsageError: there is no such project.
            FileError, ValueRangeError: see `exports.read_export`.
        """
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "export.zip"
            with told("CVAT", self.secrets):
                number = self._project(project)
                if number is None:
                    raise UsageError(
                        f"no project '{project}' at {self.url}", "one that is there", "correct it"
                    )
                found = self.client.projects.retrieve(number)
                found.export_dataset(_EXPORT, archive, include_images=False, location=_download())
            return read_export("cvat", archive)

    def _project(self, name: str) -> int | None:
        """Number of the project of this name, the newest if there are several."""
        same = [p.id for p in self.client.projects.list(name=name) if p.name == name]
        return max(same, default=None)


def _download() -> Any:
    """Whatever storage the project names: the export comes to this machine."""
    from cvat_sdk.core.proxies.types import Location

    return Location.LOCAL

"""Shared fixtures. Native thread pools are pinned before NumPy starts, one thread a worker."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import json
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def data_folder() -> Path | None:
    """The real images: KUMOSAN_DATA, else ../shared/data beside the repository."""
    for place in (os.environ.get("KUMOSAN_DATA"), REPO.parent / "shared" / "data"):
        if place and (Path(place) / "catalog.json").is_file():
            return Path(place)
    return None


@pytest.fixture(scope="session")
def data() -> Path:
    folder = data_folder()
    if folder is None:
        pytest.skip("no real images: set KUMOSAN_DATA to the folder that holds catalog.json")
    return folder


@pytest.fixture(scope="session")
def catalog(data: Path) -> list[dict]:
    return json.loads((data / "catalog.json").read_text())

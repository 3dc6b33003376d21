"""Shared fixtures. Native thread pools are pinned before NumPy starts, one thread a worker."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "GDAL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import json
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Lightning's warnings reach the process that hands out the tests, which then imports Lightning
    to name their class: torchvision's cure must come before that."""
    if not hasattr(config, "workerinput"):
        from kumosan.datasets.vision import torchvision

        torchvision()


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


@pytest.fixture
def labelled(tmp_path) -> Path:
    """A folder with a catalogue: two Landsat-like tiles labelled by people, one by a machine.

    Clouds are white squares of 20 x 20 pixels (``hot`` and ``braaten`` find all of them), the
    ground is dark. In the second place nobody drew shadow. There are bands for no network.
    """
    import numpy as np
    from affine import Affine

    from kumosan.datasets.bands import BLUE, GREEN, RED, BandSet
    from kumosan.datasets.tile import CloudMask, Tile
    from kumosan.datasets.write import write_mask, write_tile

    folder = tmp_path / "labelled"
    folder.mkdir()
    rows = []
    for i, (kind, drawn) in enumerate(
        [
            ("human", "clear, thick cloud, thin cloud, cloud shadow"),
            ("human", "clear, cloud"),
            ("automatic", "clear, cloud"),
        ]
    ):
        classes = np.zeros((48, 64), np.uint8)
        classes[8:28, 8 + 4 * i : 28 + 4 * i] = 1
        data = np.full((3, 48, 64), 0.06, np.float32)
        data[:, classes == 1] = 0.6
        classes[:, :2] = 255
        if i == 0:
            classes[30:40, 40:50] = 3
        tile = Tile(data, BandSet((BLUE, GREEN, RED)), Affine(30, 0, 5e5, 0, -30, 5e6))
        write_tile(folder / f"{i}.tif", tile)
        write_mask(folder / f"{i}_mask.tif", CloudMask(classes, tile.transform))
        rows.append(
            {
                "image": f"{i}.tif", "mask": f"{i}_mask.tif", "split": "test",
                "group": f"place {i}", "sensor": "<b>camera</b>", "mask_kind": kind,
                "classes_labelled": drawn,
            }
        )  # fmt: skip
    (folder / "catalog.json").write_text(json.dumps(rows))
    return folder


@pytest.fixture(scope="session")
def state():
    """Tensors of a small segmentation network that nobody trained."""
    import torch

    from kumosan.detection.network import NetworkConfig, SegmentationNet

    torch.manual_seed(1)
    return SegmentationNet(NetworkConfig("resnet18", 3, (16, 8, 8))).state_dict()


@pytest.fixture(scope="session")
def weights(state, tmp_path_factory) -> Path:
    """The same as a file of weights."""
    from kumosan.datasets.configuration import as_json
    from kumosan.datasets.samples import CANONICAL_BANDS
    from kumosan.datasets.weights import ModelCard, save_weights
    from kumosan.detection.network import NetworkConfig

    network = as_json(NetworkConfig("resnet18", 3, (16, 8, 8)))
    path = tmp_path_factory.mktemp("weights") / "w.safetensors"
    save_weights(path, state, ModelCard("segmenter", network, CANONICAL_BANDS.names))
    return path


@pytest.fixture(scope="session")
def s3_server():
    """A stand-in for S3 on this machine, and the environment in which it is found."""
    pytest.importorskip("s3fs", reason="the extra s3 is not installed")
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    server.stop()


@pytest.fixture
def s3(s3_server, monkeypatch):
    """An s3fs file system with the empty bucket ``scenes``."""
    import s3fs

    for name, value in s3_server.items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    files = s3fs.S3FileSystem(use_listings_cache=False)
    if files.exists("scenes"):
        files.rm("scenes", recursive=True)
    files.mkdir("scenes")
    return files


@pytest.fixture
def small_scenes(tmp_path) -> Path:
    """A folder of four scenes of 48 x 64 pixels with a white cloud each, for the detector hot."""
    import numpy as np
    from affine import Affine

    from kumosan.datasets.bands import BLUE, GREEN, RED, BandSet
    from kumosan.datasets.tile import Tile
    from kumosan.datasets.write import write_tile

    folder = tmp_path / "scenes"
    folder.mkdir()
    for i in range(4):
        data = 0.06 + np.random.default_rng(i).random((3, 48, 64), np.float32) / 100
        data[:, 8:28, 8 + i : 28 + i] = 0.6
        bands = BandSet((BLUE, GREEN, RED))
        write_tile(folder / f"s{i}.tif", Tile(data, bands, Affine(30, 0, 5e5, 0, -30, 5e6)))
    return folder

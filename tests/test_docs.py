"""Every kumosan command of the README and the docs runs, in the order in which it is written."""

import importlib.util
import json
import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from typer.testing import CliRunner

from kumosan.datasets.read import read, read_mask
from kumosan.scripts.main import app

REPO = Path(__file__).parents[1]
PAGES = sorted([REPO / "README.md", *(REPO / "docs").glob("*.md")])
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
TOML_BLOCK = re.compile(r"^```toml\n# (\S+\.toml)\n(.*?)^```", re.M | re.S)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def commands(page: Path) -> list[list[str]]:
    """Words of every ``kumosan ...`` line in the shell blocks of a page, comments left out."""
    blocks = SHELL_BLOCK.findall(page.read_text("utf-8"))
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("kumosan ")]


def blocks(page: Path) -> list[str]:
    """The Python blocks of a page."""
    return PYTHON_BLOCK.findall(page.read_text("utf-8"))


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "kumosan_demo"
    done = CliRunner().invoke(app, ["demo", "--size", "160", "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


def load(name: str) -> ModuleType:
    """A module of tests/datasets, for its writers of products."""
    path = REPO / "tests" / "datasets" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_products(folder: Path) -> None:
    """Tiny products of every kind, in the published structure, as the docs name them."""
    folder.mkdir()
    make_optical(folder)
    make_spectrometers(folder)
    make_stac(folder / "STAC")


def make_optical(folder: Path) -> None:
    """Sentinel-2, Landsat and PlanetScope, some as the archives that are downloaded."""
    writers, landsat = load("products_optical"), load("test_landsat")
    writers.write_safe(folder, "L2A")
    level1 = writers.write_safe(folder, "L1C")
    shutil.make_archive(str(level1), "zip", folder, level1.name)
    for image in writers.write_planet(folder).parent.iterdir():
        shutil.copy(image, folder)
    landsat.old_landsat(folder, 5, "L2SP")
    etm = landsat.old_landsat(folder, 7, "L1TP")
    shutil.make_archive(str(etm), "tar", etm)


def make_spectrometers(folder: Path) -> None:
    """EnMAP, DESIS, PRISMA, EMIT, Satellogic, and a plain ENVI file."""
    writers = load("products_hyper")
    numbers = np.full((3, 40, 40), 2000)
    nm = [492.0, 560.0, 665.0]
    writers.write_enmap(folder, numbers, nm).rename(folder / "ENMAP")
    writers.write_desis(folder, numbers, nm).rename(folder / "DESIS")
    vnir, swir = (np.full((40, n, 40), 9000, np.uint16) for n in (6, 4))
    writers.write_prisma(folder, vnir, swir)
    down, across = np.mgrid[1:41, 1:41]
    cube = np.full((40, 40, 3), 0.2, np.float32)
    writers.write_emit(folder, cube, across, down, nm, [1, 1, 1])
    planes = {490: numbers[0], 560: numbers[1], 670: numbers[2]}
    writers.write_satellogic(folder, planes).rename(folder / "SATELLOGIC")
    wavelengths = "{492, 560, 665}"
    writers.write_envi(
        folder,
        numbers.astype(np.uint16),
        wavelength=wavelengths,
        wavelength_units="Nanometers",
        reflectance_scale_factor=10000,
    )


def make_stac(folder: Path) -> None:
    """An item and the files of its three bands."""
    writers = load("test_stac")
    folder.mkdir()
    for name in writers.NM:
        writers.tif(folder / f"{name}.tif", writers.counts())
    (folder / "item.json").write_text(json.dumps(writers.item_dict("1.1.0")))


def make_labelled(folder: Path, demo: Path) -> None:
    """A catalogue of the demo's scene with its true mask, to train and to test with, and its clear
    view."""
    folder.mkdir()
    rows = []
    for i in range(5):
        for name in ("scene.tif", "truth.tif"):
            shutil.copy(demo / name, folder / f"{i}_{name}")
        row = {"image": f"{i}_scene.tif", "mask": f"{i}_truth.tif", "group": f"place {i}"}
        row |= {"sensor": "Sentinel-2", "mask_kind": "human", "split": "train" if i else "test"}
        row |= {"classes_labelled": "clear, thick cloud, thin cloud, cloud shadow"}
        rows.append(row)
    shutil.copy(demo / "clear.tif", folder)
    row = {"image": "clear.tif", "mask": None, "mask_kind": "none", "classes_labelled": "none"}
    rows.append(row | {"group": "clear", "sensor": "Sentinel-2", "split": "test", "role": "clear"})
    (folder / "catalog.json").write_text(json.dumps(rows))


@pytest.fixture(autouse=True)
def offline(monkeypatch) -> None:
    """No page needs another machine."""
    connect = socket.socket.connect

    def to_this_machine(self, address):
        if self.type == socket.SOCK_STREAM and self.family != socket.AF_UNIX:
            assert address[0] in ("127.0.0.1", "::1", "localhost"), f"a connection to {address}"
        return connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", to_this_machine)


@pytest.fixture
def workplace(demo, tmp_path, monkeypatch) -> Path:
    """An empty folder in which the demo has run, as the README's first command leaves it."""
    shutil.copytree(demo, tmp_path / "kumosan_demo")
    make_products(tmp_path / "products")
    make_labelled(tmp_path / "labelled", demo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def schedulers(words: list[list[str]]) -> Iterator[None]:
    """A Dask scheduler with a worker at every address that follows ``--scheduler``."""
    addresses = {line[line.index("--scheduler") + 1] for line in words if "--scheduler" in line}
    with ExitStack() as stack:
        for address in sorted(addresses):
            from distributed import LocalCluster

            host, port = address.removeprefix("tcp://").split(":")
            settings = {"n_workers": 1, "threads_per_worker": 1, "processes": False}
            settings |= {"protocol": "tcp", "host": host, "scheduler_port": int(port)}
            stack.enter_context(LocalCluster(**settings, dashboard_address=None))
        yield


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.name)
def test_the_commands_of_a_page_run(page, workplace):
    for name, text in TOML_BLOCK.findall(page.read_text("utf-8")):
        (workplace / name).write_text(text)
    with schedulers(commands(page)):
        run_all(page)
    if page.name == "labels.md":
        check_labels(workplace)


def check_labels(workplace: Path) -> None:
    """From a turned strip of many bands each patch became a mask on its grid, clear ones were
    found, and the networks trained led to an end."""
    strip = read(workplace / "strip" / "scene.tif")
    assert len(strip.bands) > 50 and not strip.valid.all()
    first = strip.valid.argmax(axis=1)
    assert (np.diff(first[: len(first) // 2]) <= 0).all() and first[0] > first[len(first) // 2]
    patches = {p.stem for p in (workplace / "patches").glob("*.tif")}
    for name in patches:
        patch = read(workplace / "patches" / f"{name}.tif")
        mask = read_mask(workplace / "truth" / f"{name}_mask.tif", patch)
        assert patch.valid.all() and mask.valid.all() and len(patch.bands) == len(strip.bands)
    truth = workplace / "truth"
    assert {p.stem for p in truth.glob("*_mask.tif")} == {f"{name}_mask" for name in patches}
    assert len(json.loads((truth / "catalog.json").read_text())) == len(patches) > 4
    table = (truth / "patches.csv").read_text()
    assert ",clear," in table and ",cloudy," in table
    assert 0 < len(list((workplace / "clear").glob("*.tif"))) <= len(patches)
    assert len(json.loads((workplace / "next" / "chips.json").read_text())["chips"]) == 3
    cleaned = read(workplace / "cleaned" / "scene_clean.tif")
    assert (cleaned.data.shape, cleaned.transform) == (strip.data.shape, strip.transform)


def test_a_page_that_calls_out_would_be_seen():
    with socket.socket() as abroad, pytest.raises(AssertionError, match="a connection"):
        abroad.connect(("192.0.2.1", 80))


def run_all(page: Path) -> None:
    for words in commands(page):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"kumosan {shlex.join(words)}\n{done.output}"


@pytest.mark.parametrize("page", [p for p in PAGES if blocks(p)], ids=lambda p: p.name)
def test_the_python_of_a_page_runs(page, workplace):
    for block in blocks(page):
        exec(compile(block, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target

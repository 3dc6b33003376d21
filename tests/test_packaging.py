"""What is installed is what the repository holds, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPO = Path(__file__).parents[1]
PROJECT = tomllib.loads((REPO / "pyproject.toml").read_text("utf-8"))
FOLDERS = ("datasets", "synthesis", "detection", "gan", "scripts")


def packages_on_disk() -> set[str]:
    found = {p.parent.relative_to(REPO) for f in FOLDERS for p in (REPO / f).rglob("__init__.py")}
    return {"kumosan"} | {".".join(("kumosan", *p.parts)) for p in found}


def test_every_folder_with_an_init_is_listed():
    assert set(PROJECT["tool"]["setuptools"]["packages"]) == packages_on_disk()


def test_no_stray_module_lies_at_the_root():
    assert [p.name for p in REPO.glob("*.py")] == ["__init__.py"]


def test_every_dependency_has_a_lower_and_an_upper_bound():
    for line in PROJECT["project"]["dependencies"]:
        requirement = line.split(";")[0]
        assert ">=" in requirement, line
        assert "<" in requirement.replace(">=", "") or "tomli" in requirement, line


def test_every_extra_bounds_what_it_asks_for():
    for extra, lines in PROJECT["project"]["optional-dependencies"].items():
        for line in lines:
            by_date = line.startswith(("xarray", "dask", "distributed", "s3fs", "openvino"))
            assert line.startswith("kumosan[") or ">=" in line, (extra, line)
            assert line.startswith("kumosan[") or by_date or "," in line, (extra, line)


def test_torch_is_capped_below_the_releases_that_exist_with_cuda_only():
    assert "torch>=2.6,<2.14" in PROJECT["project"]["dependencies"]
    assert "torchvision>=0.21,<0.29" in PROJECT["project"]["dependencies"]


@pytest.mark.slow
def test_the_wheel_holds_the_package_its_data_and_no_tests(tmp_path):
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in (*FOLDERS, "tests", "docs", "benchmarks"):
        shutil.copytree(REPO / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "py.typed", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(REPO / name, tree)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", tree],
        cwd=tmp_path,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    shipped = {n for n in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in n}
    modules = {p.relative_to(REPO) for f in FOLDERS for p in (REPO / f).rglob("*.py")}
    data = {p.relative_to(REPO) for f in FOLDERS for p in (REPO / f).rglob("*.toml")}
    weights = {p.relative_to(REPO) for f in FOLDERS for p in (REPO / f).rglob("*.safetensors")}
    own = {Path("__init__.py"), Path("py.typed")}
    assert shipped == {f"kumosan/{p.as_posix()}" for p in modules | data | weights | own}

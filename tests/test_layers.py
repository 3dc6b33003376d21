"""The layers of the house: scripts -> {detection, gan} -> synthesis -> datasets."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]
MAY_IMPORT = {
    "datasets": {"datasets"},
    "synthesis": {"synthesis", "datasets"},
    "detection": {"detection", "synthesis", "datasets"},
    "gan": {"gan", "synthesis", "datasets"},
    "scripts": {"scripts", "detection", "gan", "synthesis", "datasets"},
}
MODULES = sorted(p for layer in MAY_IMPORT for p in (REPO / layer).rglob("*.py"))


def imported_layers(path: Path) -> set[str]:
    """The kumosan folders that a module imports from; '' stands for the package root."""
    depth = len(path.relative_to(REPO).parts)  # datasets/tile.py: 2 dots lead to the root
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.split(".")[0] != "kumosan", f"{path}: import relatively"
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level == 0:
                assert module.split(".")[0] != "kumosan", f"{path}: import relatively"
            elif node.level == depth:
                found |= {module.split(".")[0]} if module else {a.name for a in node.names}
            else:
                found.add(path.relative_to(REPO).parts[0])
    return found - {"__version__"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(REPO)))
def test_a_module_imports_only_from_layers_below(path):
    layer = path.relative_to(REPO).parts[0]
    assert imported_layers(path) <= MAY_IMPORT[layer]


def test_the_check_sees_a_wrong_import(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "REPO", tmp_path)
    (tmp_path / "datasets").mkdir()
    bad = tmp_path / "datasets" / "bad.py"
    bad.write_text("from ..detection.fmask import Fmask\nfrom .. import gan\n")
    assert imported_layers(bad) == {"detection", "gan"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(REPO)))
def test_a_module_has_at_most_300_lines(path):
    assert len(path.read_text("utf-8").splitlines()) <= 300


def passed_on(path: Path) -> set[str]:
    """Names that a module takes from another of ours and offers as its own."""
    body = ast.parse(path.read_text("utf-8")).body
    ours = [n for n in body if isinstance(n, ast.ImportFrom) and n.level]
    taken = {a.asname or a.name for n in ours for a in n.names}
    offered = {a.asname for n in ours for a in n.names if a.asname == a.name}
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            offered |= taken & set(ast.literal_eval(node.value))
    return offered


@pytest.mark.parametrize(
    "path", [p for p in MODULES if p.name != "__init__.py"], ids=lambda p: str(p.relative_to(REPO))
)
def test_a_module_passes_no_names_on(path):
    """Only the packages do: a thing is imported from where it is defined."""
    assert passed_on(path) == set()


def test_the_check_sees_names_that_are_passed_on(tmp_path):
    bad = tmp_path / "bad.py"
    bad.write_text("from .a import b, c\nfrom .d import e as e\n__all__ = ['b', 'own']\nown = c\n")
    assert passed_on(bad) == {"b", "e"}


def loaded(statement: str, names: list[str]) -> str:
    code = f"import sys; {statement}; print(sorted(set({names}) & set(sys.modules)))"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    ("statement", "heavy"),
    [
        ("import kumosan.scripts.main", ["numpy", "rasterio", "scipy", "torch"]),
        ("import kumosan.datasets", ["scipy", "sklearn", "torch", "PIL", "cv2"]),
        ("import kumosan.gan", ["scipy", "sklearn", "torch", "cv2", "skimage"]),
        ("import kumosan.detection", ["scipy", "sklearn", "torch", "cv2", "skimage"]),
        (
            "from kumosan.scripts.pipeline import check_request; check_request('hot', None)",
            ["scipy", "sklearn", "torch", "cv2", "skimage"],
        ),
    ],
)
def test_heavy_libraries_wait_until_they_are_needed(statement, heavy):
    assert loaded(statement, heavy) == "[]"

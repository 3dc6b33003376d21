"""Every kumosan command of the README and the docs runs, in the order in which it is written."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from kumosan.scripts.main import app

REPO = Path(__file__).parents[1]
PAGES = sorted([REPO / "README.md", *(REPO / "docs").glob("*.md")])
SHELL_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.M | re.S)
PYTHON_BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)


def commands(page: Path) -> list[list[str]]:
    """Words of every ``kumosan ...`` line in the shell blocks of a page, comments left out."""
    blocks = SHELL_BLOCK.findall(page.read_text("utf-8"))
    lines = [line for block in blocks for line in block.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("kumosan ")]


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "kumosan_demo"
    done = CliRunner().invoke(app, ["demo", "--size", "160", "-o", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture
def workplace(demo, tmp_path, monkeypatch) -> Path:
    """An empty folder in which the demo has run, as the README's first command leaves it."""
    shutil.copytree(demo, tmp_path / "kumosan_demo")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("page", [p for p in PAGES if commands(p)], ids=lambda p: p.name)
def test_the_commands_of_a_page_run(page, workplace):
    for words in commands(page):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, f"kumosan {shlex.join(words)}\n{done.output}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_python_of_a_page_runs(page, workplace):
    for block in PYTHON_BLOCK.findall(page.read_text("utf-8")):
        exec(compile(block, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_the_links_of_a_page_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), target

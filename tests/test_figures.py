"""The figures in the README are those that the command it names prints."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPO = Path(__file__).parents[1]


def block(name: str) -> str:
    text = (REPO / "README.md").read_text("utf-8")
    return text.split(f"<!-- {name}:begin -->")[1].split(f"<!-- {name}:end -->")[0]


@pytest.mark.slow
def test_the_table_of_masks_is_what_the_command_prints(data, tmp_path):
    out = tmp_path / "evaluation"
    done = subprocess.run(
        [sys.executable, "-m", "kumosan.scripts", "evaluate", "masks", data, "-o", out],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    printed = [line for line in done.stdout.splitlines() if line.startswith("|")]
    shown = [line for line in block("masks").splitlines() if line.startswith("|")]
    assert len(printed) > 8
    assert shown == printed

"""What is freed stays with a process that asked for it."""

import subprocess
import sys

import pytest

CODE = """
import sys
import numpy as np
from kumosan.scripts.freed_memory import keep_freed_memory
if sys.argv[1] == "keep":
    keep_freed_memory()
def resident_mb():
    return int([l for l in open("/proc/self/status") if l.startswith("VmRSS")][0].split()[1]) / 1024
before = resident_mb()
held = np.ones(100 * 2**20, np.uint8)
del held
print(resident_mb() - before)
"""


def left_mb(how: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's alone")
def test_memory_that_is_freed_is_kept():
    assert left_mb("leave") < 50
    assert left_mb("keep") > 90

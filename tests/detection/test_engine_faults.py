"""What may happen to `mask_scene` while it runs, really done to processes of its own."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kumosan.datasets import read_mask
from kumosan.datasets.write import write_tile

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Linux signals and limits")

MASK = """
import ctypes, resource, signal, sys
from kumosan.datasets import open_scene
from kumosan.datasets.errors import OutputError
from kumosan.detection import MaskSettings, mask_scene, get
scene, out, how = sys.argv[1:]
get("hot")
if how == "full":  # the stand-in for a disk without room
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
if how == "plain":  # give up what lets root write everywhere (capset(2), version 3)
    libc = ctypes.CDLL(None, use_errno=True)
    header, none = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert libc.capset(header, none) == 0
print("ready", flush=True)
try:
    while True:
        mask_scene(open_scene(scene), out, MaskSettings("hot", overwrite=how == "ever"))
        if how != "ever":
            break
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def start(scene, out, how="once"):
    command = [sys.executable, "-c", MASK, str(scene), str(out), how]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def noisy(scene, tmp_path) -> Path:
    """A scene whose mask is more than a few bytes."""
    cloud = np.random.default_rng(0).random((400, 600)) > 0.6
    write_tile(tmp_path / "s.tif", scene(cloud, names=("blue", "green", "red", "nir")))
    return tmp_path / "s.tif"


def left(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir()} - {"s.tif"}


def test_killed_at_any_moment_the_mask_is_whole_or_absent(noisy, tmp_path):
    out, seen = tmp_path / "out" / "m.tif", set()
    out.parent.mkdir()
    for delay in (0.0, 0.05, 0.1, 0.2, 0.4):
        out.unlink(missing_ok=True)
        process = start(noisy, out, "ever")
        assert process.stdout.readline() == "ready\n"
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        if out.exists():
            seen.add(read_mask(out).classes.tobytes())
        hidden = {n for n in left(out.parent) if n.startswith(".kumosan-")}
        assert left(out.parent) - hidden <= {"m.tif", "m.qml"}
    out.unlink(missing_ok=True)
    assert start(noisy, out).wait(300) == 0
    assert seen <= {read_mask(out).classes.tobytes()}


@pytest.mark.parametrize("how", ["full", "plain"])
def test_no_room_and_no_permission_are_told_and_leave_nothing(noisy, tmp_path, how):
    out = tmp_path / "out"
    out.mkdir()
    if how == "plain":
        out.chmod(0o555)
    try:
        process = start(noisy, out / "m.tif", how)
        said, error = process.communicate(timeout=300)
    finally:
        out.chmod(0o755)
    assert process.returncode == 2, error
    assert "written" in said and said.count(";") == 2  # got; expected; remedy
    assert left(out) == set()


def test_two_processes_on_one_output_leave_one_whole_mask(noisy, tmp_path):
    both = [start(noisy, tmp_path / "m.tif") for _ in range(2)]
    told = [(p.communicate(timeout=300), p.returncode) for p in both]
    codes = sorted(code for _, code in told)
    assert codes in ([0, 0], [0, 2]), told
    for (said, _), code in told:
        assert ("exists already" in said) == (code == 2)
    assert left(tmp_path) == {"m.tif", "m.qml"}
    assert read_mask(tmp_path / "m.tif").classes.shape == (400, 600)

"""Workers, schedulers and batches that really die: nothing is lost, nothing is done twice."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from kumosan.datasets import read_mask
from kumosan.datasets.manifest import read_lines

pytest.importorskip("distributed", reason="the extra cluster is not installed")
import psutil

pytestmark = pytest.mark.slow
PATIENCE_S = 600


@pytest.fixture
def many(small_scenes) -> Path:
    """Twenty scenes."""
    for i in range(4, 20):
        (small_scenes / f"s{i}.tif").write_bytes((small_scenes / f"s{i % 4}.tif").read_bytes())
    return small_scenes


def start(*words, out: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "kumosan.scripts", "batch", *words, "--detector", "hot"]
    with (out.parent / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [*map(str, command), "-o", str(out)], start_new_session=True, stdout=log, stderr=log,
            preexec_fn=listening,
        )  # fmt: skip


def listening() -> None:
    """Let Ctrl-C be heard: a shell's background jobs, the tests among them, inherit deafness."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finish(process: subprocess.Popen, out: Path, code: int) -> None:
    assert process.wait(PATIENCE_S) == code, (out.parent / "log.txt").read_text()


def states(out: Path) -> Counter:
    lines = out / "manifest.jsonl"
    return Counter(r["state"] for r in read_lines(lines)) if lines.exists() else Counter()


def wait_for(what, process=None) -> None:
    end = time.monotonic() + PATIENCE_S
    while not what():
        assert process is None or process.poll() is None, "it ended too early"
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.002)


def check_all_done_once(out: Path, n: int = 20) -> None:
    done = Counter(r["name"] for r in read_lines(out / "manifest.jsonl") if r["state"] == "done")
    assert done == {f"s{i}": 1 for i in range(n)}
    for name in done:
        assert read_mask(out / name / f"{name}_mask.tif").classes.any()
    assert not list(out.glob(".kumosan-*"))


def test_workers_killed_while_they_write_lose_nothing(many, tmp_path):
    out = tmp_path / "out"
    batch = start(many, "--workers", 2, "--retries", 5, out=out)
    for _ in range(3):
        place = []

        def writing(place=place):
            place[:] = [p.name.split("-")[1] for p in out.glob(".kumosan-*-*")]
            return bool(place)

        wait_for(writing, batch)
        os.kill(int(place[0]), signal.SIGKILL)
    finish(batch, out, 0)
    check_all_done_once(out)


SHARED = """
import os
from kumosan.scripts.batch_cluster import cluster, hurry
def state():
    import cv2
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return [*map(os.environ.get, names), cv2.getNumThreads(), os.getppid()]
if __name__ == "__main__":
    os.environ["OMP_NUM_THREADS"] = "7"
    os.environ.pop("MKL_NUM_THREADS", None)
    hurry()
    assert os.environ["OMP_NUM_THREADS"] == "7" and "MKL_NUM_THREADS" not in os.environ
    with cluster(None, 2, 0) as client:
        for found in client.run(state).values():
            print(found)
    print(os.getpid())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="workers are forked on Linux alone")
def test_workers_share_what_was_imported_and_take_one_thread_each(tmp_path):
    (tmp_path / "shared.py").write_text(SHARED)
    done = subprocess.run(
        [sys.executable, tmp_path / "shared.py"], capture_output=True, text=True, timeout=PATIENCE_S
    )
    first, second, batch = done.stdout.splitlines()
    # What the user asks for counts, here seven threads of OpenMP.
    assert first == second and first.startswith("['7', '1', 1, "), done.stderr
    assert batch not in first


def test_a_killed_batch_is_gone_on_with(many, tmp_path):
    out = tmp_path / "out"
    batch = start(many, "--workers", 1, out=out)
    wait_for(lambda: states(out)["done"] >= 3, batch)
    workers = psutil.Process(batch.pid).children(recursive=True)
    batch.kill()
    batch.wait()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert gone and not alive, "workers outlive their batch"
    assert states(out)["done"] < 20
    finish(start(many, "--workers", 1, "--resume", out=out), out, 0)
    check_all_done_once(out)


def test_ctrl_c_leaves_what_resume_goes_on_with(many, tmp_path):
    out = tmp_path / "out"
    batch = start(many, "--workers", 1, out=out)
    wait_for(lambda: states(out)["done"] >= 2, batch)
    os.killpg(batch.pid, signal.SIGINT)  # as a terminal does: to the workers too
    finish(batch, out, 130)
    assert states(out)["failed"] == 0 and states(out)["done"] < 20
    assert not list(out.glob(".kumosan-*"))
    assert "--resume" in (tmp_path / "log.txt").read_text()
    finish(start(many, "--workers", 1, "--resume", out=out), out, 0)
    check_all_done_once(out)


def test_a_scene_that_kills_its_workers_fails_alone(small_scenes, tmp_path, monkeypatch):
    """A detector of a plug-in that kills its process on the scene s1."""
    site = tmp_path / "site"
    info = site / "deadly-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: deadly\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[kumosan.detectors]\ndeadly = deadly:Deadly\n")
    (site / "deadly.py").write_text(
        "import os\nfrom kumosan.detection.hot import Hot\n"
        "class Deadly(Hot):\n    def mask(self, tile):\n"
        "        if 's1' in str(tile.path): os.kill(os.getpid(), 9)\n"
        "        return super().mask(tile)\n"
    )
    monkeypatch.setenv("PYTHONPATH", f"{site}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    out = tmp_path / "out"
    words = (small_scenes, "--workers", 1, "--retries", 1, "--detector", "deadly")
    command = [sys.executable, "-m", "kumosan.scripts", "batch", *map(str, words), "-o", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S)
    assert done.returncode == 4, done.stderr
    assert states(out) == {"queued": 4, "done": 3, "failed": 1}
    assert "s1.tif" in done.stdout and "every worker that tried it died" in done.stdout


def test_a_scheduler_that_dies_and_another_that_goes_on(many, tmp_path):
    """The example of docs/batch.md with real processes, the first scheduler killed."""
    out = tmp_path / "out"
    dask = [sys.executable, "-m", "dask"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for i, code in enumerate((4, 0)):
        file = tmp_path / f"scheduler{i}.json"
        where = ["--scheduler-file", str(file)]
        scheduler = subprocess.Popen(
            [*dask, "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", *where],
            **quiet,
        )
        wait_for(file.exists, scheduler)
        worker = subprocess.Popen(
            [*dask, "worker", *where, "--nthreads", "1", "--no-dashboard"], **quiet
        )
        try:
            import json

            address = json.loads(file.read_text())["address"]
            batch = start(many, "--resume", "--scheduler", address, out=out)
            if code:
                wait_for(lambda: states(out)["done"] >= 2, batch)
                scheduler.kill()
            finish(batch, out, code)
        finally:
            for process in (worker, scheduler):
                process.kill()
                process.wait()
    assert "the Dask scheduler went away" in (tmp_path / "log.txt").read_text()
    check_all_done_once(out)

"""Outputs are whole or absent, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kumosan.datasets.atomic import atomic_file, atomic_folder, refuse_existing
from kumosan.datasets.errors import FileError, OutputError


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_file_appears_only_at_the_end(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "a.txt") as place:
        place.write_text("whole")
        assert not (tmp_path / "a.txt").exists()
        hidden = place.parent
        assert hidden.parent == tmp_path
        assert hidden.name.startswith(f".kumosan-{os.getpid()}-")
        assert place.name == "a.txt"
    assert (tmp_path / "a.txt").read_text() == "whole"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_failure_leaves_the_old_file(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(error), atomic_file(target, overwrite=True) as place:
        place.write_text("half")
        raise error
    assert target.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_existing_is_refused_before_any_work(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(OutputError, match=r"exists already.*--overwrite") as caught:
        atomic_file(target).__enter__()
    assert caught.value.exit_code == 2
    with pytest.raises(OutputError):
        refuse_existing(target, overwrite=False)
    refuse_existing(target, overwrite=True)
    refuse_existing(tmp_path / "new", overwrite=False)
    assert names(tmp_path) == ["a.txt"]


def test_file_and_folder_are_not_exchanged(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputError, match="is a folder"), atomic_file(tmp_path / "folder", True):
        pass
    with pytest.raises(OutputError, match="is a file"), atomic_folder(tmp_path / "file", True):
        pass


def test_no_folder_for_the_output(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for target in (tmp_path / "missing" / "a.tif", tmp_path / "file" / "a.tif"):
        for make in (atomic_file, atomic_folder):
            with pytest.raises(OutputError, match="no folder"), make(target):
                pass
        with pytest.raises(OutputError, match="no folder"):
            refuse_existing(target, overwrite=True)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a file system nobody can write")
@pytest.mark.parametrize("make", [atomic_file, atomic_folder])
def test_folder_that_cannot_be_written(make) -> None:
    with pytest.raises(OutputError, match="written") as caught, make("/proc/self/a.tif"):
        pass
    assert str(caught.value).count(";") == 2  # got; expected; remedy


def test_nothing_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="could not be written"), atomic_file(tmp_path / "a"):
        pass
    assert names(tmp_path) == []


def test_errors_of_the_block_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "a"):
        (tmp_path / "input").read_text()
    with pytest.raises(FileError), atomic_folder(tmp_path / "b"):
        raise FileError("a", "b", "c")
    assert names(tmp_path) == []


def test_folder_appears_whole(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "out") as place:
        (place / "sub").mkdir()
        (place / "sub" / "a").write_text("1")
        (place / "b").write_text("2")
        assert names(tmp_path) == [place.parent.name]
    assert (tmp_path / "out" / "sub" / "a").read_text() == "1"
    assert names(tmp_path / "out") == ["b", "sub"]
    assert names(tmp_path) == ["out"]
    umask = os.umask(0)
    os.umask(umask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o777 & ~umask


def test_empty_folder_counts_as_absent(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with atomic_folder(tmp_path / "out") as place:
        (place / "a").write_text("1")
    assert (tmp_path / "out" / "a").read_text() == "1"


def test_folder_with_files_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "theirs").write_text("x")
    with pytest.raises(OutputError, match="exists already"), atomic_folder(tmp_path / "out"):
        pass


def test_overwriting_a_folder_keeps_foreign_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "sub").mkdir(parents=True)
    for name in ("ours", "theirs", "sub/ours"):
        (out / name).write_text("old")
    with atomic_folder(out, overwrite=True) as place:
        (place / "sub").mkdir()
        (place / "ours").write_text("new")
        (place / "sub" / "ours").write_text("new")
    found = {n: (out / n).read_text() for n in ("ours", "theirs", "sub/ours")}
    assert found == {"ours": "new", "theirs": "old", "sub/ours": "new"}


def test_folder_filled_by_another_process_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(OutputError, match="exists already"), atomic_folder(out) as place:
        (place / "a").write_text("late")
        out.mkdir()
        (out / "a").write_text("first")
    assert (out / "a").read_text() == "first"
    assert names(tmp_path) == ["out"]


def test_two_writers_last_one_wins(tmp_path: Path) -> None:
    target = tmp_path / "a"
    with atomic_file(target) as one, atomic_file(target) as two:
        one.write_text("outer")
        two.write_text("inner")
    assert target.read_text() == "outer"


FULL = """
import resource, signal, sys
from kumosan.datasets.atomic import atomic_file, scratch_file
from kumosan.datasets.errors import OutputError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    if sys.argv[2] == "whole":
        with atomic_file(sys.argv[1]) as place:
            place.write_bytes(bytes(10000))
    else:
        with scratch_file(sys.argv[1]) as file:
            for _ in range(10):  # less than the buffer: it is written when the next no longer fits
                file.write(bytes(1000))
except OutputError as error:
    print(error)
    sys.exit(error.exit_code)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX resource limits")
@pytest.mark.parametrize("kind", ["whole", "scratch"])
def test_no_room_for_the_file(tmp_path: Path, kind: str) -> None:
    run = [sys.executable, "-c", FULL, str(tmp_path / "a"), kind]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "could not be written (File too large)" in done.stdout
    assert names(tmp_path) == []


WRITER = """
import sys, time
from kumosan.datasets.atomic import atomic_file
while True:
    with atomic_file(sys.argv[1], overwrite=True) as place, place.open("wb") as out:
        for _ in range(8):
            out.write(b"x" * 1000)
            out.flush()
            time.sleep(0.005)
"""


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_killed_writer_leaves_a_whole_file_or_none(tmp_path: Path) -> None:
    target = tmp_path / "a"
    for delay in (0.0, 0.02, 0.06, 0.1):
        target.unlink(missing_ok=True)
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(target)])
        try:
            end = time.monotonic() + 20
            while not any(tmp_path.iterdir()) and time.monotonic() < end:
                time.sleep(0.001)
            time.sleep(delay)
        finally:
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        assert not target.exists() or target.stat().st_size == 8000
        visible = [n for n in names(tmp_path) if not n.startswith(".kumosan-")]
        assert visible in ([], ["a"])

"""CVAT's SDK against a stand-in server: what it really sends, and what we make of the answers."""

import io
import logging
import zipfile
from urllib.parse import parse_qs

import numpy as np
import pytest

from kumosan.datasets.errors import FileError, KumosanError, UsageError
from kumosan.datasets.labels.cvat_service import CvatService
from kumosan.datasets.labels.task import write_task

from .small_task import Oracle, write_patches
from .standin import serving

pytest.importorskip("cvat_sdk", reason="the extra 'cvat' is not installed")
TOKEN = "secret-token-1234"
CLASSES = np.diag([1, 2, 3, 1, 0, 0, 0, 0]).astype(np.uint8)
MORE = {"tasks": {"url": "http://x"}, "labels": {"url": "http://x"}}
PROJECT = {"id": 3, "name": "P", "url": "http://x/api/projects/3", **MORE}
TASK = {"id": 7, "name": "task", "project_id": 3, "organization": None, **MORE}
TASK |= {"jobs": {"url": "http://x", "count": 1, "completed": 0, "validation": 0}}
ABOUT = {"name": "CVAT", "description": "", "version": "2.80.0", "logo_url": "", "subtitle": ""}


class Cvat:
    """Answers as CVAT does, with as little as the SDK needs."""

    def __init__(self, projects=(), export=b"", fail=None):
        self.projects, self.export, self.fail = list(projects), export, fail

    def __call__(self, request, url):
        method, path = request.method, request.path.rstrip("/")
        if path == "/api/server/about":
            return 200, {}, ABOUT
        if self.fail and path.startswith("/api/projects"):
            return self.fail, {}, {"detail": f"no: {TOKEN}"}
        if path == "/api/projects":
            if method == "POST":
                return 201, {}, PROJECT
            page = {"count": len(self.projects), "next": None, "previous": None}
            return 200, {}, page | {"results": self.projects}
        if path == "/api/projects/3":
            return 200, {}, PROJECT
        if path == "/api/projects/3/dataset/export":
            return 202, {}, {"rq_id": "export"}
        if path == "/download":
            return 200, {"Content-Type": "application/zip"}, self.export
        if path.startswith("/api/requests/"):
            return 200, {}, self.done(path.rsplit("/", 1)[1], url)
        if path == "/api/tasks":
            return 201, {}, TASK
        if path == "/api/tasks/7":
            return 200, {}, TASK
        return self.uploaded(request, url + path)

    def done(self, name, url):
        operation = {"type": "x", "target": "project", "project_id": 3}
        facts = {"id": name, "status": "finished", "message": "", "operation": operation}
        facts |= {"created_date": "2026-05-01T00:00:00Z", "progress": 1.0}
        return facts | ({"result_url": f"{url}/download"} if name == "export" else {})

    def uploaded(self, request, path):
        if request.method == "PATCH":
            size = int(request.headers["upload-offset"]) + len(request.body)
            return 204, {"Upload-Offset": size}, b""
        if "upload-length" in request.headers:  # announced, then sent with PATCH
            place = {"Location": f"{path}/f1", "Upload-Filename": "annotations.xml"}
            return 201, place, b""
        if "upload-multiple" in request.headers:
            return 200, {}, b"{}"
        if "upload-start" in request.headers:
            return 202, {}, b""
        if "upload-finish" in request.headers:
            return 202, {}, {"rq_id": "import"}
        return 404, {}, {"detail": "not found"}


def service(server) -> CvatService:
    made = CvatService.connect({"CVAT_HOST": server.url, "CVAT_ACCESS_TOKEN": TOKEN})
    made.client.config.status_check_period = 0.01
    return made


@pytest.fixture
def chips(tmp_path):
    files = write_patches(tmp_path / "patches", [CLASSES])
    return write_task(
        tmp_path / "May", "cvat", "P", files, Oracle([CLASSES]), lambda classes: "cloudy"
    )


def test_push_makes_project_task_data_and_prelabels(chips, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(Cvat()) as server:
        assert service(server).push(chips) == f"{server.url}/tasks/7"
    (listed,) = server.asked("GET", "/api/projects")
    assert listed.query["name"] == ["P"]
    (made,) = server.asked("POST", "/api/projects")
    assert made.json["name"] == "P"
    assert [label["name"] for label in made.json["labels"]] == [
        "clear", "thick_cloud", "thin_cloud", "shadow", "patch_clear", "patch_cloudy"
    ]  # fmt: skip
    (task,) = server.asked("POST", "/api/tasks")
    assert task.json == {"name": "May", "project_id": 3}
    data = [r for r in server.requests if r.path.startswith("/api/tasks/7/data")]
    (sent,) = (r for r in data if "upload-multiple" in r.headers)
    (archive,) = (v for name, v in sent.parts.items() if name.endswith("/chips.zip"))
    with zipfile.ZipFile(io.BytesIO(archive)) as box:
        assert {name: box.read(name) for name in box.namelist()} == {
            name: (chips.folder / "chips" / name).read_bytes()
            for name in (
                "scene_00000_00000.png",
                "related_images/scene_00000_00000_png/scene_00000_00000_infrared.png",
            )
        }
    assert [r.method for r in data] == ["POST"] * 3 and "upload-start" in data[0].headers
    assert "upload-finish" in data[2].headers
    assert data[2].json == {"image_quality": 100, "sorting_method": "lexicographical"}
    notes = [r for r in server.requests if r.path.startswith("/api/tasks/7/annotations")]
    assert notes[0].query["format"] == ["CVAT 1.1"]
    assert notes[0].query["conv_mask_to_poly"] == ["false"]
    (patch,) = (r for r in notes if r.method == "PATCH")
    assert patch.body == (chips.folder / "annotations.xml").read_bytes()
    for request in server.requests:
        if request.path == "/api/server/about":  # asked before the login
            continue
        assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in caplog.text


def test_push_adds_to_a_project_that_is_there(chips):
    other = PROJECT | {"id": 2}
    with serving(Cvat([other, PROJECT, PROJECT | {"id": 9, "name": "Q"}])) as server:
        service(server).push(chips)
    assert not server.asked("POST", "/api/projects")
    (task,) = server.asked("POST", "/api/tasks")
    assert task.json["project_id"] == 3


def test_pull_exports_without_images_and_reads_the_zip(chips):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as box:
        box.write(chips.folder / "annotations.xml", "annotations.xml")
    with serving(Cvat([PROJECT], held.getvalue())) as server:
        (label,) = service(server).pull("P")
    assert (label.classes((8, 8)) == CLASSES).all()
    (asked,) = server.asked("POST", "/api/projects/3/dataset/export")
    assert asked.query["format"] == ["CVAT for images 1.1"]
    assert asked.query["save_images"] == ["False"]
    kept = [r for r in server.requests if r.path not in ("/api/server/about", "/download")]
    assert {r.headers["authorization"] for r in kept} == {f"Bearer {TOKEN}"} and len(kept) > 3


def test_a_project_that_is_not_there_is_named():
    with serving(Cvat()) as server, pytest.raises(UsageError, match="no project 'X'"):
        service(server).pull("X")


@pytest.mark.parametrize("status", [401, 403])
def test_what_the_server_refuses_is_one_sentence_without_the_token(status):
    with serving(Cvat(fail=status)) as server, pytest.raises(FileError) as caught:
        service(server).pull("P")
    assert str(status) in str(caught.value) and TOKEN not in str(caught.value)


def test_user_and_password_are_sent_in_the_login_alone():
    def answer(request, url):
        if request.path.rstrip("/") == "/api/auth/login":
            return 200, {"Set-Cookie": ["sessionid=s1", "csrftoken=c1"]}, {"key": "k1"}
        return Cvat()(request, url)

    with serving(answer) as server:
        CvatService.connect({"CVAT_HOST": server.url, "CVAT_USERNAME": "u", "CVAT_PASSWORD": "pw1"})
    (login,) = server.asked("POST", "/api/auth/login")
    sent = login.json if login.body.startswith(b"{") else parse_qs(login.body.decode())
    assert sent["password"] in ("pw1", ["pw1"])
    assert not any(b"pw1" in r.body for r in server.requests if r is not login)


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "CVAT_USERNAME"),
        ({"CVAT_USERNAME": "u"}, "CVAT_PASSWORD"),
        ({"CVAT_HOST": "http://cvat.example.org", "CVAT_ACCESS_TOKEN": "t"}, "https"),
    ],
)
def test_without_a_key_or_over_http_nothing_is_asked(env, says):
    with pytest.raises(KumosanError, match=says):
        CvatService.connect(env)

"""Labelbox's SDK against a stand-in server: what it really sends, and what we make of answers."""

import json
import logging
import re

import numpy as np
import pytest

from kumosan.datasets.errors import FileError, UsageError
from kumosan.datasets.labels import mask_fetch
from kumosan.datasets.labels.labelbox_service import LabelboxService
from kumosan.datasets.labels.mask_fetch import MaskFetcher, trusted
from kumosan.datasets.labels.task import write_task

from .small_task import Oracle, as_export, write_patches
from .standin import serving

KEY = "secret-key-1234"
CLASSES = np.diag([1, 2, 3, 1, 0, 0, 0, 0]).astype(np.uint8)


def made(kind: str, **given) -> dict:
    """An object as the server gives it: every field that the SDK asks for."""
    pytest.importorskip("labelbox", reason="the extra 'labelbox' is not installed")
    from labelbox.orm.model import Entity, Field

    out = {}
    for each in getattr(Entity, kind).fields():
        value = None
        if isinstance(each.field_type, Field.EnumType):
            value = next(iter(each.field_type.enum_cls)).value
        out[each.graphql_name] = given.get(each.graphql_name, value)
    return {**out, "id": f"{kind}1", **given}


class Labelbox:
    """Answers GraphQL by the name of what is asked."""

    def __init__(self, there=(), export=b"", refused=()):
        self.there, self.export, self.refused, self.files = there, export, refused, 0

    def __call__(self, request, url):
        if request.path == "/export":
            return 200, {}, self.export
        if request.path == "/errors":
            return 200, {}, b""
        if request.headers.get("authorization") != f"Bearer {KEY}":
            error = {"extensions": {"code": "AUTHENTICATION_ERROR"}, "message": "no"}
            return 200, {}, {"errors": [error]}
        asked = request.body.decode("utf-8", "replace").replace("\\n", " ")
        for pattern, answer in self.answers(url):
            if re.search(pattern, asked):
                return 200, {}, {"data": answer}
        return 200, {}, {"errors": [{"message": f"not known here: {asked[:300]}"}]}

    def answers(self, url):
        self.files += 1
        project = made("Project", name="P", allowedMediaType="IMAGE")
        done = made("Task", status="COMPLETE", name="t", type="export-data-rows")
        errors = {"results": list(self.refused), "after": None, "total": len(self.refused)}
        span = {"start": 0, "end": len(self.export) - 1}
        part = {"offsets": span, "lines": {"start": 0, "end": 0}, "file": f"{url}/export"}
        head = {"totalSize": len(self.export), "totalLines": 1} if self.export else None
        mal = made("MALPredictionImport", state="FINISHED", errorFileUrl=f"{url}/errors")
        batch = {"batch": made("Batch", size=1), "failedDataRowIds": []}
        return [
            ("uploadFile", {"uploadFile": {"url": f"{url}/file{self.files}", "filename": "f"}}),
            ("createModelAssisted", {"createModelAssistedLabelingPredictionImport":
                                     mal | {"project": project}}),
            ("upsertDataRows", {"upsertDataRows": done | {"type": "adv-upsert-data-rows"}}),
            ("failedDataRowImports", {"failedDataRowImports": errors}),
            ("queryAllDataRowsHaveBeen", {"queryAllDataRowsHaveBeenProcessed":
                                          {"allDataRowsHaveBeenProcessed": True}}),
            ("createBatchV2", {"project": {"createBatchV2": batch}}),
            ("exportDataRowsInProject", {"exportDataRowsInProject":
                                         {"taskId": "Task1", "isStreamable": True}}),
            ("exportMetadataHeader", {"task": {"exportMetadataHeader": head}}),
            ("exportFileFromOffset", {"task": {"exportFileFromOffset": part}}),
            ("createdTasks", {"user": {"createdTasks": [done]}}),
            ("upsertOntology", {"upsertOntology": made("Ontology", mediaType="IMAGE")}),
            ("connectOntology", {"project": {"connectOntology": {"id": "Project1"}}}),
            ("labelCount", {"project": {"labelCount": 0}}),
            ("labelingFrontend", {"project": {"labelingFrontend": made("LabelingFrontend")}}),
            ("createProject", {"createProject": project}),
            ("createDataset", {"createDataset": made("Dataset", name="d")}),
            (r"organization *\{|GetOrganization", {"organization": made("Organization")}),
            ("GetProjects|projects", {"projects": list(self.there)}),
            ("GetUser|user", {"user": made("User")}),
        ]  # fmt: skip


def service(server, key=KEY) -> LabelboxService:
    labelbox = pytest.importorskip("labelbox", reason="the extra 'labelbox' is not installed")
    client = labelbox.Client(
        key, endpoint=f"{server.url}/graphql", rest_endpoint=f"{server.url}/api/v1",
        app_url="https://app.example.org",
    )  # fmt: skip
    return LabelboxService(client, key)


@pytest.fixture
def chips(tmp_path):
    files = write_patches(tmp_path / "patches", [CLASSES])
    return write_task(
        tmp_path / "May", "labelbox", "P", files, Oracle([CLASSES]), lambda classes: "cloudy"
    )


def asked(server, name: str):
    return [r for r in server.requests if name.encode() in r.body]


def test_push_sends_ontology_rows_batch_and_prelabels(chips, caplog):
    caplog.set_level(logging.DEBUG)
    with serving(Labelbox()) as server:
        assert service(server).push(chips) == "https://app.example.org/projects/Project1"
    assert {(r.method, r.path) for r in server.requests} == {
        ("POST", "/graphql"), ("POST", "/_gql"), ("GET", "/errors")
    }  # fmt: skip
    (ontology,) = asked(server, "upsertOntology")
    sent = json.loads(ontology.json["variables"]["data"]["normalized"])
    tools = [(t["tool"], t["name"]) for t in sent["tools"]]
    assert tools == [
        ("raster-segmentation", n) for n in ("clear", "thick_cloud", "thin_cloud", "shadow")
    ]
    (question,) = sent["classifications"]
    assert [o["value"] for o in question["options"]] == ["clear", "cloudy"]
    files = {}
    for request in asked(server, "uploadFile"):
        files |= request.parts
    names = ("scene_00000_00000.png", "scene_00000_00000_infrared.png")
    for name in names:
        assert files[name] == (chips.folder / "chips" / name).read_bytes()
    (row,) = json.loads(files["application/json"])
    sent = row["payload"]
    assert (sent["global_key"], sent["external_id"]) == (f"P/{names[0]}", names[0])
    (infrared,) = sent["attachments"]
    assert (infrared["type"], infrared["name"]) == ("IMAGE", "infrared")
    urls = (sent["row_data"], infrared["value"])
    assert len({*urls}) == 2 and all(url.startswith(f"{server.url}/file") for url in urls)
    assert json.loads(files["manifest.json"])["item_count"] == 1
    (batch,) = asked(server, "createBatchV2")
    assert batch.json["variables"]["batchInput"]["globalKeys"] == ["P/scene_00000_00000.png"]
    (prelabels,) = asked(server, "createModelAssistedLabelingPredictionImport")
    assert json.loads(prelabels.parts["operations"])["variables"]["projectId"] == "Project1"
    (said,) = (v for v in prelabels.parts.values() if v.startswith(b'{"uuid'))
    written = (chips.folder / "prelabels.ndjson").read_text().splitlines()
    assert [*map(json.loads, said.splitlines())] == [*map(json.loads, written)]
    for request in server.requests:
        if request.method == "POST":
            assert request.headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in caplog.text


def test_refused_data_rows_stop_the_push_with_their_reason(chips):
    refused = [{"message": "Duplicate global key", "spec": {}}]
    with serving(Labelbox(refused=refused)) as server, pytest.raises(FileError) as caught:
        service(server).push(chips)
    assert "Duplicate global key" in str(caught.value)
    assert not asked(server, "createBatchV2")


def test_pull_reads_the_export_and_fetches_masks_with_the_key(chips, tmp_path, monkeypatch):
    path = as_export(chips.folder / "prelabels.ndjson", tmp_path / "e")
    fetched = []

    def fetch(self, url):
        fetched.append(url)
        return (tmp_path / "e" / "masks" / f"{url.rsplit('/', 1)[1]}.png").read_bytes()

    monkeypatch.setattr(MaskFetcher, "__call__", fetch)
    there = [made("Project", name="P", allowedMediaType="IMAGE")]
    with serving(Labelbox(there, path.read_bytes())) as server:
        (label,) = service(server).pull("P")
    assert (label.classes((8, 8)) == CLASSES).all() and label.annotator == "ann@example.org"
    assert all(url.startswith("https://api.labelbox.com/masks/") for url in fetched)
    (export,) = asked(server, "exportDataRowsInProject")
    for request in server.requests:
        told = request.headers.get("authorization")
        assert told == (None if request.path == "/export" else f"Bearer {KEY}")
    asked_for = export.json["variables"]["input"]["params"]
    for what in ("LabelDetails", "ProjectDetails", "PerformanceDetails"):
        assert asked_for[f"include{what}"] is True


def test_a_project_that_is_not_there_is_named():
    with serving(Labelbox()) as server, pytest.raises(UsageError, match="no project 'X'"):
        service(server).pull("X")


def test_a_wrong_key_is_one_sentence_without_it():
    with serving(Labelbox()) as server, pytest.raises(FileError) as caught:
        service(server, "wrong-key-99").pull("P")
    assert "Invalid API key" in str(caught.value) and "wrong-key-99" not in str(caught.value)


def test_without_a_key_nothing_is_asked():
    with pytest.raises(UsageError, match="LABELBOX_API_KEY"):
        LabelboxService.connect({})


@pytest.mark.parametrize(
    ("host", "own"),
    [
        ("api.labelbox.com", True), ("labelbox.com", True), ("API.Labelbox.com.", True),
        ("evil-labelbox.com", False), ("labelbox.com.evil.org", False),
        ("storage.googleapis.com", False),
    ],
)  # fmt: skip
def test_only_labelboxs_hosts_get_the_key(host, own):
    assert trusted(host) is own


@pytest.mark.parametrize(
    "url",
    [
        "http://api.labelbox.com/m", "file:///etc/passwd", "https://127.0.0.1/m",
        "https://169.254.169.254/latest", "ftp://api.labelbox.com/m",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_or_without_encryption_are_not_fetched(url):
    with pytest.raises(FileError):
        MaskFetcher(KEY)(url)


def fetching(server, monkeypatch, own=True):
    """Let the fetcher reach the stand-in, which is neither public nor https."""
    monkeypatch.setattr(mask_fetch, "checked_href", lambda href, folder: href)
    monkeypatch.setattr(mask_fetch, "SCHEME", "http")
    monkeypatch.setattr(mask_fetch, "DELAYS_S", (0.01, 0.02))
    monkeypatch.setattr(mask_fetch, "HOSTS", ("127.0.0.1",) if own else ())
    return MaskFetcher(KEY)


@pytest.mark.parametrize("own", [True, False])
def test_the_key_is_sent_to_own_hosts_and_never_to_where_they_redirect(own, monkeypatch):
    def answer(request, url):
        if request.path == "/mask":
            return 302, {"Location": f"{url.replace('127.0.0.1', 'localhost')}/store"}, b""
        return 200, {}, b"png"

    with serving(answer) as server:
        assert fetching(server, monkeypatch, own)(f"{server.url}/mask?token=t") == b"png"
    first, second = server.requests
    assert first.headers.get("authorization") == (f"Bearer {KEY}" if own else None)
    assert "authorization" not in second.headers


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_an_expired_mask_says_so_without_key_or_token(status, monkeypatch):
    with serving(lambda request, url: (status, {}, b"")) as server:
        fetch = fetching(server, monkeypatch)
        with pytest.raises(FileError, match="expire after 30 days") as caught:
            fetch(f"{server.url}/mask?token=t0ken")
    assert KEY not in str(caught.value) and "t0ken" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_and_then_named(status, monkeypatch):
    answers = iter([status, 200])
    with serving(lambda request, url: (next(answers), {}, b"png")) as server:
        assert fetching(server, monkeypatch)(f"{server.url}/mask") == b"png"
    assert len(server.requests) == 2
    with (
        serving(lambda request, url: (status, {}, b"")) as server,
        pytest.raises(FileError, match=f"HTTP {status}.*later") as caught,
    ):
        fetching(server, monkeypatch)(f"{server.url}/mask")
    assert len(server.requests) == 3 and "expire" not in str(caught.value)


def test_a_mask_that_is_cut_off_is_fetched_anew(monkeypatch):
    """The stand-in announces more than it sends, and hangs up."""
    sent = iter([(b"half a p", "close"), (b"half a png", "keep-alive")])

    def answer(request, url):
        content, after = next(sent)
        return 200, {"Connection": after, "Length-Told": 10}, content

    with serving(answer) as server:
        assert fetching(server, monkeypatch)(f"{server.url}/mask") == b"half a png"
    assert len(server.requests) == 2

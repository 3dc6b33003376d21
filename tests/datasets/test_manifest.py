"""JSON lines that survive being cut off anywhere."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumosan.datasets.errors import FileError, OutputError
from kumosan.datasets.manifest import Journal, read_lines

RECORDS = [{"file": "a.tif", "row": 1}, {"file": "ü 雲.tif", "row": 2}, {"file": "c", "x": None}]


def write(path, records):
    with Journal(path) as journal:
        for record in records:
            journal.append(record)


def test_what_was_appended_is_read_in_order(tmp_path):
    path = tmp_path / "m.jsonl"
    write(path, RECORDS[:2])
    write(path, RECORDS[2:])
    assert read_lines(path) == RECORDS


def test_no_file_holds_no_record(tmp_path):
    assert read_lines(tmp_path / "none.jsonl") == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_cut_costs_one_record_and_the_rest_can_be_appended_again(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("m") / "m.jsonl"
    write(path, RECORDS)
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = read_lines(path)
    assert kept == RECORDS[: whole[:cut].count(b"\n")]
    write(path, RECORDS[len(kept) :])
    assert path.read_bytes() == whole


@pytest.mark.parametrize("line", [b"{oops}", b"[1]", b"3", b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_line_before_the_end_is_refused_by_its_number(line, tmp_path):
    path = tmp_path / "m.jsonl"
    path.write_bytes(b'{"a": 1}\n' + line + b'\n{"b": 2}\n')
    with pytest.raises(FileError, match=r"line 2 of .*m\.jsonl"):
        read_lines(path)


def test_a_folder_in_its_place_is_refused(tmp_path):
    with pytest.raises(FileError, match="cannot be read"):
        read_lines(tmp_path)
    with pytest.raises(OutputError, match="could not be written"), Journal(tmp_path):
        pass


def test_a_number_that_json_does_not_know_is_not_written(tmp_path):
    path = tmp_path / "m.jsonl"
    with Journal(path) as journal, pytest.raises(ValueError, match="JSON"):
        journal.append({"share": float("nan")})
    assert path.read_bytes() == b""


def test_several_records_are_appended_in_their_order(tmp_path):
    with Journal(tmp_path / "m.jsonl") as journal:
        journal.append({"a": 1}, {"b": "ü"})
        journal.append()
        journal.append({"c": None})
    assert read_lines(tmp_path / "m.jsonl") == [{"a": 1}, {"b": "ü"}, {"c": None}]

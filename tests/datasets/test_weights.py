"""Weights: what is written is what is read, and nothing else is ever opened."""

import json
import pickle

import pytest
import torch
from safetensors.torch import load_file, save_file

from kumosan.datasets.errors import FileError, OutputError
from kumosan.datasets.weights import (
    ModelCard,
    WeightsError,
    digest,
    load_weights,
    read_card,
    save_weights,
)

STATE = {"a.weight": torch.linspace(-1, 1, 7), "b": torch.arange(3)}
CARD = ModelCard("segmenter", {"encoder": "x"}, ("green", "red"), 1.5, {"shadow": 2.0})


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, STATE, CARD)
    return path


def test_round_trip(file):
    card, state = load_weights(file, "segmenter")
    assert torch.equal(state["a.weight"], STATE["a.weight"].half().float())
    assert torch.equal(state["b"], STATE["b"])
    assert (card.bands, card.temperature, card.decision) == (CARD.bands, 1.5, {"shadow": 2.0})
    assert card.revision and len(card.sha256) == 64
    assert read_card(file) == card


def test_tensors_are_stored_as_float16(file):
    assert load_file(file)["a.weight"].dtype == torch.float16


def test_the_hash_knows_names_shapes_types_and_values():
    digests = {
        digest(state)
        for state in (
            STATE,
            {**STATE, "a.weight": STATE["a.weight"] + 1},
            {**STATE, "a.weight": STATE["a.weight"].half()},
            {**STATE, "b": STATE["b"].reshape(3, 1)},
            {"c": STATE["a.weight"], "b": STATE["b"]},
        )
    }
    assert len(digests) == 5
    assert digest(dict(reversed(STATE.items()))) == digest(STATE)


def test_an_existing_file_is_kept(file):
    with pytest.raises(OutputError):
        save_weights(file, STATE, CARD)


class Evil:
    def __reduce__(self):
        return (open, ("/tmp/kumosan_was_unpickled", "w"))


@pytest.mark.parametrize("kind", ["pickle", "torch", "zeros", "text"])
def test_pickles_and_other_files_are_refused_with_exit_code_5(tmp_path, kind):
    path = tmp_path / "checkpoint.pt"
    if kind == "pickle":
        path.write_bytes(pickle.dumps(Evil()))
    elif kind == "torch":
        torch.save({"x": Evil()}, path)
    else:
        path.write_bytes(bytes(64) if kind == "zeros" else b"weights")
    with pytest.raises(WeightsError, match="not a safetensors file") as caught:
        load_weights(path, "segmenter")
    assert caught.value.exit_code == 5


def test_a_file_cut_short_is_refused(file, tmp_path):
    short = tmp_path / "short.safetensors"
    short.write_bytes(file.read_bytes()[:-4])
    with pytest.raises(WeightsError):
        load_weights(short, "segmenter")


def test_changed_tensors_are_refused(file, tmp_path):
    card = read_card(file)
    other = tmp_path / "other.safetensors"
    state = load_file(file)
    state["a.weight"][0] = 9
    save_file(state, other, {"kumosan": json.dumps(card.__dict__)})
    with pytest.raises(WeightsError, match="hash"):
        load_weights(other, "segmenter")


def test_other_peoples_safetensors_and_other_kinds_are_refused(file, tmp_path):
    bare = tmp_path / "bare.safetensors"
    save_file(STATE, bare)
    with pytest.raises(WeightsError, match="no model card"):
        read_card(bare)
    with pytest.raises(WeightsError, match="holds a segmenter"):
        load_weights(file, "classifier")
    with pytest.raises(FileError, match="does not exist"):
        read_card(tmp_path / "none.safetensors")

"""Temperature and class weights from predictions on unseen images."""

from dataclasses import replace

import numpy as np
import pytest

from kumosan.datasets.catalog import Row
from kumosan.datasets.errors import UsageError
from kumosan.datasets.weights import ModelCard, save_weights
from kumosan.detection.decision import (
    Prediction,
    at_temperature,
    choose,
    fit_temperature,
    held_out,
    scores,
)

CARD = ModelCard("segmenter", {}, ("green",))


def row(labelled=frozenset({0, 1, 2, 3})) -> Row:
    return Row("a", None, None, "train", "g", "s", "human", "all", labelled)


def predictions(sharpness=1.0, labelled=frozenset({0, 1, 2, 3}), seed=0):
    """Truth drawn from known probabilities, which are then told ``sharpness`` times too sure."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet((1.0, 0.7, 0.7, 0.7), 20_000).T.astype(np.float32)
    truth = (rng.random(p.shape[1]) > p.cumsum(axis=0)).sum(axis=0).clip(0, 3)
    if 3 not in labelled:
        truth[truth == 3] = 0
    p = at_temperature(p, 1 / sharpness).reshape(4, 100, 200)
    return [Prediction(row(labelled), p, truth.reshape(100, 200).astype(np.uint8))]


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("labelled", [frozenset({0, 1, 2, 3}), frozenset({0, 1, 2})])
def test_the_temperature_undoes_what_is_too_sure(sharpness, labelled):
    found = fit_temperature(predictions(sharpness, labelled), every=1)
    assert found == pytest.approx(sharpness, rel=0.05)


def test_nodata_does_not_count():
    one = predictions(2.0)[0]
    truth = one.truth.copy()
    truth[:50] = 255
    half = replace(one, truth=truth)
    top = replace(one, truth=one.truth[50:], probability=one.probability[:, 50:])
    assert fit_temperature([half], every=1) == pytest.approx(fit_temperature([top], every=1))


def test_a_class_that_is_told_too_seldom_gets_more_weight():
    """Shadow said at a quarter of its odds: weighing it up finds it again."""
    one = predictions()[0]
    p = one.probability.copy()
    p[3] *= 0.25
    timid = replace(one, probability=(p / p.sum(axis=0)).astype(np.float32))
    card = choose([timid], CARD)
    assert card.decision["shadow"] > 1
    assert scores([timid], card)["shadow"].boa > scores([timid], CARD)["shadow"].boa + 0.05


def test_shadow_is_judged_where_it_was_drawn():
    found = scores(predictions(labelled=frozenset({0, 1, 2})), CARD)
    assert found["shadow"].n == 0 and found["cloud"].n == 20_000


def test_weights_without_a_fold_are_no_judge(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, {}, CARD)
    with pytest.raises(UsageError, match="trained on all groups"):
        held_out([row()], path)

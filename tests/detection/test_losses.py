"""Losses: partial labels take no side, and full ones give the known losses."""

import pytest
import torch

from kumosan.datasets.errors import UsageError
from kumosan.datasets.labelled import ALL_CLASSES, meanings
from kumosan.detection.losses import NAMES, Loss, PartialCrossEntropy, unambiguous

FULL = torch.from_numpy(meanings(ALL_CLASSES)).float()[None]
NO_SHADOW = torch.from_numpy(meanings(frozenset({0, 1, 2}))).float()[None]


def batch(seed=0):
    g = torch.Generator().manual_seed(seed)
    logits = torch.randn(1, 4, 16, 16, generator=g)
    mask = torch.randint(0, 4, (1, 16, 16), generator=g)
    mask[:, :3] = 255
    return logits, mask


def test_full_labels_give_weighted_cross_entropy():
    logits, mask = batch()
    weights = [1.0, 2.0, 0.5, 3.0]
    ours = PartialCrossEntropy(weights)(logits, mask, FULL)
    theirs = torch.nn.functional.cross_entropy(
        logits, mask, torch.tensor(weights), ignore_index=255
    )
    assert ours.item() == pytest.approx(theirs.item(), rel=1e-5)


def test_a_partial_label_does_not_tell_its_classes_apart():
    """Clear may hide shadow: moving probability between the two changes nothing."""
    p = torch.tensor([[0.6, 0.1, 0.1, 0.2], [0.1, 0.1, 0.1, 0.7]])
    values = []
    for row in p:
        logits = row.log()[None, :, None, None]
        loss = PartialCrossEntropy([1, 1, 1, 1])(logits, torch.zeros(1, 1, 1).long(), NO_SHADOW)
        values.append(loss.item())
    assert values[0] == pytest.approx(-torch.tensor(0.8).log().item(), rel=1e-5)
    assert values[1] == pytest.approx(values[0], rel=1e-5)


def test_unclear_codes_are_ignored_by_the_other_losses():
    mask = torch.tensor([[[0, 1, 2, 3, 255]]])
    assert unambiguous(mask, NO_SHADOW).tolist() == [[[255, 1, 2, 3, 255]]]
    assert torch.equal(unambiguous(mask, FULL), mask)


@pytest.mark.parametrize("name", NAMES)
def test_every_loss_falls_when_the_answer_gets_better(name):
    logits, mask = batch()
    right = torch.nn.functional.one_hot(mask.where(mask < 255, 0), 4).permute(0, 3, 1, 2) * 8.0
    loss = Loss({name: 1.0}, [1, 1, 1, 1])
    assert loss(right, mask, FULL) < 0.5 * loss(logits, mask, FULL)


@pytest.mark.parametrize("name", NAMES)
def test_nodata_has_no_gradient(name):
    logits, mask = batch()
    logits.requires_grad_()
    Loss({name: 1.0}, [1, 1, 1, 1])(logits, mask, FULL).backward()
    assert (logits.grad[:, :, :3] == 0).all()
    assert (logits.grad[:, :, 3:] != 0).any()


def test_terms_add_up():
    logits, mask = batch()
    one, two = (Loss({n: 1.0}, [1, 1, 1, 1])(logits, mask, FULL) for n in ("ce", "dice"))
    both = Loss({"ce": 2.0, "dice": 0.5}, [1, 1, 1, 1])(logits, mask, FULL)
    assert both.item() == pytest.approx((2 * one + 0.5 * two).item(), rel=1e-5)


@pytest.mark.parametrize("terms", [{}, {"hinge": 1.0}])
def test_unknown_losses_are_named(terms):
    with pytest.raises(UsageError, match="some of ce"):
        Loss(terms, [1, 1, 1, 1])

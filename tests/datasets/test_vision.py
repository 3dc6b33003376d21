"""torchvision imports beside whatever torch is installed, and its VGG runs."""

import subprocess
import sys

import pytest

from kumosan.datasets import vision
from kumosan.datasets.errors import MissingExtraError

CODE = """
from kumosan.datasets.vision import torchvision
import torch
torch.set_num_threads(1)
vgg = torchvision().models.vgg11_bn(num_classes=2).eval()
print(tuple(vgg(torch.zeros(1, 3, 32, 32)).shape))
"""


@pytest.mark.slow
def test_vgg_runs_in_a_fresh_interpreter():
    pytest.importorskip("torch", reason="needs the extra 'nets'")
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 2)", done.stderr


def test_without_torchvision_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "torchvision", None)  # import raises ImportError
    with pytest.raises(MissingExtraError, match=r"pip install 'kumosan\[nets\]'"):
        vision.torchvision()

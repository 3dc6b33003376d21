"""torchvision imports beside whatever torch is installed, and its VGG runs."""

import subprocess
import sys

import pytest

CODE = """
from kumosan.datasets.vision import torchvision
import torch
torch.set_num_threads(1)
vgg = torchvision().models.vgg11_bn(num_classes=2).eval()
print(tuple(vgg(torch.zeros(1, 3, 32, 32)).shape))
"""


@pytest.mark.slow
def test_vgg_runs_in_a_fresh_interpreter():
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True)
    assert done.stdout.strip() == "(1, 2)", done.stderr

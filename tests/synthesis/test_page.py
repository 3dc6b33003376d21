"""docs/synthesis.md shows every preset, in pictures that stay small."""

from pathlib import Path

import pytest

from kumosan.synthesis.presets import PRESETS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_has_its_picture_and_its_layers(preset):
    page = (DOCS / "synthesis.md").read_text("utf-8")
    section = page.split(f"\n### {preset}\n")[1].split("\n#")[0]
    assert f"(synthesis/{preset}.png)" in section
    assert (DOCS / "synthesis" / f"{preset}.png").is_file()
    for layer in PRESETS[preset]:
        assert f"| {layer.kind}, {layer.phase} |" in section


def test_the_pictures_of_the_docs_stay_below_three_megabytes():
    assert sum(p.stat().st_size for p in DOCS.rglob("*.png")) < 3_000_000

"""An ablation as a figure: error over the number of bands, a line for each method."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from ..datasets.atomic import atomic_file
from ..datasets.errors import MissingExtraError, OutputError
from .ablation_results import Measure
from .ablation_summary import Summary

FORMATS = (".png", ".svg", ".pdf")
UNITS: dict[Measure, str] = {
    "rmse": "RMSE of reflectance",
    "mae": "mean error of reflectance",
    "sam_deg": "spectral angle, degrees",
}
MARKS = "osD^vPX*"


def draw(found: Sequence[Summary], measure: Measure, path: Path, overwrite: bool = False) -> None:
    """Write the figure: a panel for each cloud and class, bars from the least to the worst seed.

    Args:
        found: as `summaries` gives it.
        measure: what it was asked for.
        path: a file ending in one of `FORMATS`.
        overwrite: replace a file that is there.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: another format, or the file is there.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a figure", "plot") from error
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"a figure {path}", f"a name in {', '.join(FORMATS)}", "name it so")
    panels = list(dict.fromkeys((s.cloud, s.hidden) for s in found))
    methods = list(dict.fromkeys(s.method for s in found))
    columns = min(3, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(4 * columns, 3 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes[len(panels) :]:
        axis.axis("off")
    for axis, (cloud, hidden) in zip(axes, panels, strict=False):
        for k, method in enumerate(methods):
            ours = [s for s in found if (s.cloud, s.hidden, s.method) == (cloud, hidden, method)]
            middle = [mean(s.values) for s in ours]
            low = [m - min(s.values) for m, s in zip(middle, ours, strict=True)]
            high = [max(s.values) - m for m, s in zip(middle, ours, strict=True)]
            names = [str(s.bands) for s in ours]
            mark = MARKS[k % len(MARKS)]
            axis.errorbar(names, middle, (low, high), marker=mark, capsize=3, label=method)
        axis.set(title=f"{cloud}, {hidden}", xlabel="bands", ylabel=UNITS[measure])
        axis.set_yscale("log")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=6)
    with atomic_file(path, overwrite) as part:
        figure.savefig(part, dpi=120, format=path.suffix[1:].lower())

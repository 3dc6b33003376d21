"""Spectra of any pixel of a coarse grid, for readers whose browser runs scripts.

The page says all that it has to say without: this is one more way to look.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from .comparison import Comparison
from .comparison_spectra import STYLES

GRID = 24
"""Points along the longer side."""
MAX_BYTES = 400_000
"""Of the numbers: with more bands and methods the grid is coarser."""
_NONE = -32768
_HTML = """<div id="click" hidden><h3>Any pixel</h3>
<p>Click into the picture, or move the sliders.</p>
<div class="grid charts"><div class="pick"><img alt="The scene, to choose a pixel"><i></i></div>
<figure><svg viewBox="0 0 400 240" role="img" aria-label="Reflectance over wavelength"></svg>
<figcaption aria-live="polite"></figcaption></figure></div>
<label>Column <input type="range" min="0"></label> <label>Row <input type="range" min="0"></label>
<script type="application/json">%s</script></div>"""
STYLE = """
.pick{position:relative;cursor:crosshair;align-self:start}.pick i{position:absolute;width:12px;
height:12px;margin:-7px;border:2px solid #fff;outline:2px solid #000;border-radius:50%}
#click label{margin-right:1.5rem}
"""
SCRIPT = """
const box = document.getElementById("click");
const d = box && JSON.parse(box.querySelector("script").text);
if (d) {
  const raw = Uint8Array.from(atob(d.values), c => c.charCodeAt(0)), v = new Int16Array(raw.buffer);
  const [pick, ring] = box.querySelectorAll(".pick,.pick i"), svg = box.querySelector("svg");
  const [across, down] = box.querySelectorAll("input"), told = box.querySelector("figcaption");
  const n = d.nm.length, low = d.nm[0], span = d.nm[n - 1] - low || 1;
  box.querySelector("img").src = document.querySelector("#scene img").src;
  across.max = d.columns.length - 1; down.max = d.rows.length - 1;
  const text = (x, y, s, end) =>
    `<text x="${x}" y="${y}" font-size="12" text-anchor="${end}">${s}</text>`;
  const draw = () => {
    const c = +across.value, r = +down.value, at = (r * d.columns.length + c) * d.names.length * n;
    const lines = d.names.map((_, k) => [...v.slice(at + k * n, at + (k + 1) * n)]);
    const top = Math.max(100, ...lines.flat()) * 1.05;
    const step = [50, 100, 200, 500, 1000, 2000, 5000].find(s => top / s < 5) || 10000;
    const x = i => 46 + 344 * (d.nm[i] - low) / span, y = value => 200 - 190 * value / top;
    svg.innerHTML = '<path d="M46 10V200H390" fill="none" stroke="#555"/>'
      + [0, 1, 2, 3, 4, 5].map(k => k * step).filter(value => value < top).map(value =>
        text(41, y(value) + 4, (value / 1e4).toPrecision(2), "end")).join("")
      + text(46, 218, d.nm[0], "middle") + text(390, 218, d.nm[n - 1] + " nm", "end")
      + lines.map((line, k) => {
        const path = line.map((value, i) =>
          value === -32768 ? "" : `${x(i).toFixed(1)},${y(value).toFixed(1)}`);
        return `<polyline points="${path.join(" ")}" fill="none" stroke-width="2"
          stroke="${d.styles[k][0]}" stroke-dasharray="${d.styles[k][1]}"/>`;
      }).join("");
    told.textContent = `Column ${d.columns[c]}, row ${d.rows[r]}: `
      + d.names.filter((_, k) => lines[k].some(value => value !== -32768)).join(", ");
    ring.style.left = 100 * (d.columns[c] + .5) / d.shape[1] + "%";
    ring.style.top = 100 * (d.rows[r] + .5) / d.shape[0] + "%";
  };
  const near = (list, value) => list.reduce((best, p, i) =>
    Math.abs(p - value) < Math.abs(list[best] - value) ? i : best, 0);
  pick.addEventListener("click", e => {
    const b = pick.getBoundingClientRect();
    across.value = near(d.columns, (e.clientX - b.left) / b.width * d.shape[1]);
    down.value = near(d.rows, (e.clientY - b.top) / b.height * d.shape[0]);
    draw();
  });
  for (const input of [across, down]) input.addEventListener("input", draw);
  across.value = d.columns.length >> 1; down.value = d.rows.length >> 1;
  box.hidden = false; draw();
}
"""


def clicks(found: Comparison, styles: Mapping[str, tuple[str, str]]) -> str:
    """What the script shows, hidden until it runs; ``styles`` as the charts have them."""
    return _HTML % json.dumps(click_data(found, styles)).replace("<", "\\u003c")


def click_data(found: Comparison, styles: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Spectra on the grid, in ten thousandths of reflectance: int16, little-endian, base64.

    ``values`` has the axes row, column, name, band; -32768 where there is none: no data, or a
    filler that left the pixel as it was.
    """
    tile = found.tile
    bands = sorted(tile.optical, key=lambda i: tile.bands[i].center_nm)
    methods: dict[str, Any] = {"observed": (tile.data, None)}
    if found.truth.clear is not None:
        methods["truth"] = (found.truth.clear.data, None)
    methods |= {name: (done.tile.data, done.filled) for name, done in found.filled.items()}
    each = 2 * len(bands) * len(methods)
    longer = min(GRID, max(tile.shape), max(2, int((MAX_BYTES / each) ** 0.5)))
    rows, columns = (_spread(n, max(1, round(longer * n / max(tile.shape)))) for n in tile.shape)
    at = np.ix_(rows, columns)
    values = np.full((len(rows), len(columns), len(methods), len(bands)), _NONE, "<i2")
    for k, (data, filled) in enumerate(methods.values()):
        for j, i in enumerate(bands):
            part = data[i][at]
            known = np.isfinite(part)
            if filled is not None:
                known &= filled[at]
            numbers = np.clip(np.rint(part[known] * 1e4), _NONE + 1, 32767)
            values[:, :, k, j][known] = numbers.astype("<i2")
    return {
        "shape": list(tile.shape),
        "rows": rows.tolist(),
        "columns": columns.tolist(),
        "names": list(methods),
        "styles": [styles.get(name, STYLES[0]) for name in methods],
        "nm": [round(tile.bands[i].center_nm, 1) for i in bands],
        "values": base64.b64encode(values.tobytes()).decode(),
    }


def _spread(n: int, count: int) -> np.ndarray[tuple[int, ...], np.dtype[np.intp]]:
    """``count`` of ``n`` pixels, evenly spread, in the middles of their parts."""
    return ((np.arange(count) + 0.5) * n / count).astype(np.intp)

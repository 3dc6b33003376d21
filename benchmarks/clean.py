"""How fast a whole scene is cleaned, and in how much memory.

    python benchmarks/clean.py [--sides 5490 10980] [--bands 13] [--detector auto] [--filler auto]
                               [--folder DIR] [--json-out FILE]

Each scene is made (see `engine.made`): the drawn demo scene repeated as in a mirror, a third of it
cloud or shadow, as a tiled GeoTIFF of uint16. ``kumosan clean`` then runs in a process of its own,
whose peak of the resident set (VmHWM) and time are told. The peaks should be below 3 GB, and the
last within 10 % of the first.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from engine import CORES, made, seconds

CODE = """
import sys
from kumosan.scripts.main import main
try:
    main()
except SystemExit as end:
    if end.code:
        raise
print([l for l in open("/proc/self/status") if l.startswith("VmHWM")][0].split()[1])
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", type=int, nargs="+", default=[5490, 10980], help="pixels")
    parser.add_argument("--bands", type=int, default=13, help="the first so many of the demo's")
    parser.add_argument("--detector", default="auto")
    parser.add_argument("--filler", default="auto")
    parser.add_argument("--folder", type=Path, help="where the scenes are made")
    parser.add_argument("--json-out", type=Path)
    options = parser.parse_args()
    found: dict[str, Any] = {"cores": CORES, "bands": options.bands}
    for side in options.sides:
        with tempfile.TemporaryDirectory(dir=options.folder) as name:
            scene = made(Path(name) / "scene.tif", side, options.bands)
            told = {}
            took = seconds(lambda: told.update(cleaned(scene, options)))  # noqa: B023
            told |= {"s": round(took, 1), "Mpix/s": round(side**2 / 1e6 / took, 3)}
            found[f"side {side}"] = told
            print(f"side {side}: {told}", flush=True)
    peaks = [found[f"side {side}"]["peak GB"] for side in options.sides]
    found["last peak / first"] = round(peaks[-1] / peaks[0], 3)
    print(f"last peak / first: {found['last peak / first']}")
    if options.json_out:
        options.json_out.write_text(json.dumps(found, indent=1))
    return 0


def cleaned(scene: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Detector, peak in GB (2**30 bytes) and pixels filled of one run."""
    words = ["clean", str(scene), "-o", str(scene.parent / "out"), "--json"]
    words += ["--detector", options.detector, "--filler", options.filler]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *words], stdout=subprocess.PIPE, text=True, check=True
    )
    answer, peak = done.stdout.splitlines()
    told = json.loads(answer)
    return {
        "detector": told["detector"],
        "peak GB": round(int(peak) / 2**20, 3),
        "filled px": sum(told["filled"][k] for k in ("spectral", "spatial", "temporal")),
    }


if __name__ == "__main__":
    sys.exit(main())

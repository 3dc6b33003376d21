"""Parts of a report as one HTML page: readable without scripts, network or other files.

All text is escaped here: names of files, tags and labels may come from anywhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL import Image

STYLE = """
:root{color-scheme:light}
body{font:1rem/1.5 system-ui,sans-serif;max-width:80rem;margin:0 auto;padding:1rem;color:#222;
background:#fff;overflow-wrap:anywhere}
h1{font-size:1.6rem;line-height:1.2}h2{font-size:1.2rem;margin:2rem 0 .5rem}
.scroll{overflow-x:auto;max-width:100%;overflow-wrap:normal;margin:.5rem 0 1.2rem}
.scroll:focus-visible{outline:3px solid #1a56b0}
table{border-collapse:collapse}caption{text-align:left;color:#555;padding:.2rem 0}
td,th{padding:.2rem .7rem .2rem 0;border-bottom:1px solid #ddd;text-align:right;font-weight:normal}
td.t,th.t{text-align:left}td:not(.t){white-space:nowrap}thead th{font-weight:600}
figure{margin:0}figcaption{font-size:.9rem;color:#444;padding:.2rem 0}
img,svg{display:block;max-width:100%;height:auto}
.row{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,18rem),1fr));gap:1.2rem}
.key{display:inline-block;width:.9em;height:.9em;margin-right:.35em;border:1px solid #777;
vertical-align:-.1em}
.keys{display:flex;flex-wrap:wrap;gap:.1rem 1.1rem;padding:0;margin:.2rem 0;list-style:none}
dl{display:grid;grid-template-columns:fit-content(45%) 1fr;gap:.1rem 1rem;margin:.3rem 0}
dt{color:#555}dd{margin:0}a{color:#1a56b0}
"""


def page(title: str, body: Iterable[str], style: str = "", script: str = "") -> str:
    """The whole page.

    Args:
        title: heading and title, as plain text.
        body: HTML parts in order.
        style: rules beside the common ones.
        script: for what the page only gains from; it must be readable without.
    """
    told = escape(title)
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{told}</title><style>{STYLE}{style}</style>"
    )
    end = f"<script>{script}</script>" if script else ""
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body><main><h1>{told}</h1>\n'
        f"{''.join(f'{part}{chr(10)}' for part in body)}</main>{end}</body></html>\n"
    )


def section(heading: str, *parts: str) -> str:
    """A section with a heading of the second level; empty parts are left out."""
    return f"<section><h2>{escape(heading)}</h2>{''.join(parts)}</section>"


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[object]], texts: int = 1
) -> str:
    """A table that scrolls within itself; the first column names the rows.

    Cells are escaped, but for `Html`. The leading ``texts`` columns are text, the others numbers.
    """
    if not rows:
        return ""

    def cell(value: object, tag: str, i: int, scope: str = "") -> str:
        text = value if isinstance(value, Html) else escape(str(value))
        return f"<{tag}{' class=t' if i < texts else ''}{scope}>{text}</{tag}>"

    top = "".join(cell(h, "th", i, ' scope="col"') for i, h in enumerate(head))
    lines = "".join(
        "<tr>"
        + cell(row[0], "th", 0, ' scope="row"')
        + "".join(cell(v, "td", i) for i, v in enumerate(row[1:], 1))
        + "</tr>"
        for row in rows
    )
    # a group, not a region: pages have more than one table of a name, and landmarks may not
    return (
        f'<div class="scroll" role="group" tabindex="0" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{lines}</tbody></table></div>"
    )


class Html(str):
    """Text that is HTML already."""


def key(rgb: tuple[int, int, int], text: str) -> Html:
    """A swatch of colour and what it stands for."""
    return Html(f'<span class="key" style="background:rgb{rgb}"></span>{escape(text)}')


def figure(content: str, caption: str, keys: Iterable[Html] = ()) -> str:
    """A picture or chart with its caption and the keys of its colours."""
    rows = "".join(f"<li>{k}</li>" for k in keys)
    told = f'<ul class="keys">{rows}</ul>' if rows else ""
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption>{told}</figure>"


def picture(image: NDArray[np.uint8], alt: str) -> str:
    """A (y, x, 3) picture as an image element that holds it."""
    height, width = image.shape[:2]
    size = f'width="{width}" height="{height}"'
    return f'<img src="{image_uri(image)}" alt="{escape(alt)}" {size}>'


def img(uri: str, alt: str) -> str:
    """An image element of a data URI."""
    return f'<img src="{uri}" alt="{escape(alt)}">'


def facts(rows: Mapping[str, object]) -> str:
    """A list of names and values; None is left out."""
    told = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
        for name, value in rows.items()
        if value is not None
    )
    return f"<dl>{told}</dl>"


def image_uri(image: NDArray[np.uint8]) -> str:
    """A (y, x, 3) picture as JPEG in a data URI."""
    from PIL import Image

    return data_uri(Image.fromarray(image), "JPEG", quality=85)


def data_uri(image: Image.Image, kind: str, **settings: Any) -> str:
    """An image of Pillow as a data URI; ``kind`` and ``settings`` as its ``save`` takes them."""
    held = io.BytesIO()
    image.save(held, kind, **settings)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(held.getvalue()).decode()}"

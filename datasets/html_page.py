"""The parts of our HTML reports: one file to read and send on, without scripts or network.

Made for everybody's reading: one ``h1``, tables whose heads say what they head and which scroll
by keyboard where the screen is narrow, pictures with a text in their place, contrast of at least
4.5. All texts are escaped here; what is called *content* or *body* is HTML already.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .legend import MASK_LEGEND, NODATA_GREY, Legend
from .tile import NODATA, ByteArray

_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:76rem;margin:2rem auto;padding:0 1rem;
color:#222;background:#fff;overflow-wrap:break-word}
.scroll{overflow-x:auto;max-width:100%;margin:.6rem 0 1.4rem}
table{border-collapse:collapse}caption{text-align:left;color:#444}
td,th{padding:.15rem .6rem;border-bottom:1px solid #ddd;text-align:right;vertical-align:top}
th.t,td.t{text-align:left}tbody th{font-weight:normal}
figure{display:inline-block;margin:.3rem .5rem .8rem 0;vertical-align:top;max-width:100%}
figcaption{font-size:13px;color:#444;max-width:256px}
img,svg{display:block;max-width:100%;height:auto}img{image-rendering:pixelated}
.key{display:inline-block;width:.9em;height:.9em;margin:0 .3em 0 1em;border:1px solid #767676}
a{color:#0b57d0}:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}
"""


def page(title: str, body: Iterable[str], style: str = "") -> str:
    """The whole page: ``title`` as its only ``h1``, then ``body``; ``style`` is more CSS."""
    head = (
        '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}{style}</style>"
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head>{head}</head><body><main>'
        f"<h1>{escape(title)}</h1>{''.join(body)}</main></body></html>\n"
    )


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[object]], texts: int = 1
) -> str:
    """A table, or nothing where there are no rows.

    Args:
        caption: what it shows; also its name where it scrolls.
        head: names of the columns.
        rows: their cells; the first names the row.
        texts: so many leading columns hold text, the others numbers.
    """
    rows = list(rows)
    if not rows:
        return ""

    def cell(i: int, value: object, tag: str, scope: str = "") -> str:
        mark = f' scope="{scope}"' if scope else ""
        return f"<{tag}{' class=t' if i < texts else ''}{mark}>{escape(str(value))}</{tag}>"

    top = "".join(cell(i, name, "th", "col") for i, name in enumerate(head))
    lines = (
        cell(0, row[0], "th", "row") + "".join(cell(i, v, "td") for i, v in enumerate(row[1:], 1))
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return (
        f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}">'
        f"<table><caption>{escape(caption)}</caption><thead><tr>{top}</tr></thead>"
        f"<tbody>{body}</tbody></table></div>"
    )


def figure(content: str, caption: str) -> str:
    """``content`` with a caption below."""
    return f"<figure>{content}<figcaption>{escape(caption)}</figcaption></figure>"


def picture(uri: str, alt: str, caption: str) -> str:
    """An image with the text that stands for it, and a caption."""
    return figure(f'<img src="{uri}" alt="{escape(alt)}">', caption)


def key(legend: Legend) -> str:
    """The colours of classes and their names, in a line."""
    return "".join(
        f'<span class="key" style="background:rgb{e.rgb}"></span>{e.name.replace("_", " ")}'
        for e in legend
    )


def image_uri(image: NDArray[np.uint8]) -> str:
    """A (y, x, 3) picture as JPEG in a data URI."""
    from PIL import Image

    return _uri(Image.fromarray(image), "JPEG", quality=85)


def classes_uri(classes: ByteArray) -> str:
    """A (y, x) mask in the colours of the classes as PNG in a data URI; clear is light grey."""
    from PIL import Image

    colours = np.zeros((256, 3), np.uint8)
    for entry in MASK_LEGEND:
        colours[entry.code] = entry.rgb
    colours[NODATA] = NODATA_GREY
    shown = Image.fromarray(classes)
    shown.putpalette(colours.ravel().tolist())
    return _uri(shown, "PNG", optimize=True)


def _uri(image: Any, kind: str, **settings: Any) -> str:
    held = io.BytesIO()
    image.save(held, kind, **settings)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(held.getvalue()).decode()}"

"""Options that several commands share, written once.

A command takes ``common: Common`` or ``reading: Reading``; `expand` shows each field of these
dataclasses as an option of its own and hands the command the assembled object.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from typing import Annotated, Any, Literal, get_type_hints

import typer

from .console import guarded

_PLACE = "Reading the scene"


@dataclass(frozen=True)
class Common:
    """What every command understands."""

    json: Annotated[bool, typer.Option("--json", help="Print one JSON line on stdout.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace outputs.")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be read and written; write nothing.")
    ] = False
    seed: Annotated[int, typer.Option(help="Seed of everything random.", min=0)] = 0
    log_format: Annotated[
        Literal["auto", "plain", "json"], typer.Option(help="How progress is told (on stderr).")
    ] = "auto"
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Explain decisions.")] = False
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False


@dataclass(frozen=True)
class Reading:
    """How to understand a file that does not tell everything itself."""

    sensor: Annotated[
        str | None,
        typer.Option(help="Sensor, for example sentinel-2a.", rich_help_panel=_PLACE),
    ] = None
    bands: Annotated[
        str | None,
        typer.Option(
            help="Names (blue,green,red,nir) or wavelengths in nm (490,560,665,842), in order.",
            rich_help_panel=_PLACE,
        ),
    ] = None
    scale: Annotated[
        float | None,
        typer.Option(help="reflectance = scale * stored + offset.", rich_help_panel=_PLACE),
    ] = None
    offset: Annotated[
        float | None,
        typer.Option(help="Offset that goes with --scale.", rich_help_panel=_PLACE),
    ] = None
    resolution: Annotated[
        float | None,
        typer.Option(
            help="Grid in metres for products of mixed resolution (Sentinel-2: 10, 20, 60).",
            rich_help_panel=_PLACE,
        ),
    ] = None
    max_pixels: Annotated[
        int | None,
        typer.Option(
            help="Refuse scenes with more samples (width x height x bands).",
            rich_help_panel=_PLACE,
            min=1,
        ),
    ] = None


MemoryGb = Annotated[
    float,
    typer.Option(help="Work by windows where the whole scene would take more (GB).", min=0),
]


def expand(command: Callable[..., None]) -> Callable[..., None]:
    """Turn the parameters of ``command`` that are dataclasses of options into single options."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {n: kind for n, kind in hints.items() if is_dataclass(kind)}
    own = [
        p.replace(annotation=hints[p.name])
        for p in inspect.signature(command).parameters.values()
        if p.name not in groups
    ]
    shown: dict[str, list[str]] = {}
    extra: list[inspect.Parameter] = []
    for name, kind in groups.items():
        kind_hints = get_type_hints(kind, include_extras=True)
        shown[name] = [f.name for f in fields(kind)]
        extra += [
            inspect.Parameter(
                f.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=f.default,
                annotation=kind_hints[f.name],
            )
            for f in fields(kind)
        ]

    @wraps(command)
    def run(**given: Any) -> None:
        with guarded(debug=bool(given.get("debug"))):
            made: dict[str, Any] = {
                name: kind(**{f: given.pop(f) for f in shown[name]})
                for name, kind in groups.items()
            }
            command(**given, **made)

    run.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own] + extra
    )
    run.__annotations__ = {p.name: p.annotation for p in [*own, *extra]}
    return run

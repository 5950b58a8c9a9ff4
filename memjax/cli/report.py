"""What a command says of its results: claims, a figure, a page, a table."""

import importlib.resources
import io
import json
from collections.abc import Iterator, Sequence
from functools import partial
from types import ModuleType

import matplotlib
import matplotlib.style
import xarray as xr
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table
from rich.text import Text

from memjax.claims import (
    FAILS,
    HEADER,
    HOLDS,
    KINDS,
    NOT_SHOWN,
    OPEN,
    Claim,
    below,
    cells,
    table,
)
from memjax.cli.folder import Folder
from memjax.cli.page import page
from memjax.engine import BadValue

COLORS = {HOLDS: "green", FAILS: "red", OPEN: "yellow"}


def report(module: ModuleType, folder: Folder, results: dict[str, xr.Dataset]) -> None:
    """Judge, draw and print, from results alone."""
    claims = module.claims(results)
    records = [claim.record() for claim in claims]
    folder.write_text("claims.json", json.dumps(records, indent=2))
    try:
        drawing = drawn(module, folder, results)
    except Exception:
        print(f"results are kept: --plot_only --out={folder.path} draws them again")
        raise
    about, record = module.__doc__ or "", folder.record()
    text = page(about, claims, drawing, results, record, folder.path)
    folder.write_text("report.html", text)
    show(claims)
    left = sum(int((ds.status == "diverged").sum()) for ds in results.values())
    if left:
        print(f"{left} runs diverged: NaN from the step on that diverged_at holds")
    print(f"figure: {folder.path / 'figure.png'}")
    print(f"report: {folder.path / 'report.html'}")


def drawn(module: ModuleType, folder: Folder, results: dict[str, xr.Dataset]) -> str:
    """The figure as SVG, once it is saved in other forms."""
    matplotlib.use("Agg")
    style = importlib.resources.files("memjax.cli") / "memjax.mplstyle"
    with matplotlib.style.context(str(style)):
        figure = module.figure(results)
        if not isinstance(figure, Figure):
            raise BadValue("", f"figure() returned {figure!r}, not a matplotlib Figure")
        for kind in ("png", "pdf"):
            folder.write(f"figure.{kind}", partial(figure.savefig, format=kind))
        text = io.StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def show(claims: Sequence[Claim]) -> None:
    """Print the claims: in colors, in what width a terminal has; plain in a pipe."""
    console = Console(highlight=False)
    if not claims:
        print("no claims")
    elif console.is_terminal:
        console.print(*colored(claims), sep="\n")
        for line in below(claims):
            console.print(line, markup=False)
    else:
        print(table(claims))


def colored(claims: Sequence[Claim]) -> Iterator[Text | Table]:
    """The claims for a terminal, by kind: verdicts beside words over numbers."""
    for kind, meaning in KINDS.items():
        own = [c for c in claims if c.kind == kind and c.verdict != NOT_SHOWN]
        if own:
            yield Text(f"{kind}: {meaning}", style="bold")
            yield _rows(own)


def _rows(claims: Sequence[Claim]) -> Table:
    rows = Table.grid("verdict", "claim", padding=(0, 2, 0, 0))
    rows.columns[0].no_wrap = True
    for claim in claims:
        words, *numbers, verdict = cells(claim)
        told = Text(f"{words}\n")
        for name, value in zip(HEADER[1:4], numbers, strict=True):
            told.append(f"{name} ", "dim").append(f"{value}  ")
        rows.add_row(Text(verdict, style=COLORS.get(verdict, "")), told)
    return rows

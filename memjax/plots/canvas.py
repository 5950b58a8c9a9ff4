"""A figure, its panels, and what is said in and around them."""

import io
import itertools
import string
from collections.abc import Iterator
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from memjax.plots.ticks import plain_ticks

DASHES = ("-", "--", ":", "-.", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 3)))
BESIDE: dict[str, Any] = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}


def one(results: Any, *keep: str, index: int = -1) -> Any:
    """The results at one value, the last, of every axis but these; seeds stay.

    What was left at one value is a label that a title can name: `"p = {p}"`.
    """
    axes = getattr(results, "status", results).dims
    return results.isel(
        {d: index for d in axes if d not in ("seed", "step", "leg", *keep)}
    )


def filled(text: str, of: Any) -> str:
    """A text with the labels in it that are the same for all of what is drawn."""
    return text.format(**{n: c.item() for n, c in of.coords.items() if c.size == 1})


class Canvas(Figure):
    """A figure that a notebook shows, with or without matplotlib's own set-up there.

    It lays itself out: names of axes and legends beside a panel have their room. A
    panel for which nothing was run says so.
    """

    def savefig(self, *given: Any, **options: Any) -> None:
        for axis in self.axes:
            plain_ticks(axis)
        for axis in filter(_is_blank, self.axes):
            axis.set(xticks=[], yticks=[])
            axis.text(0.5, 0.5, "not run", ha="center", transform=axis.transAxes)
        super().savefig(*given, **options)

    def _repr_png_(self) -> bytes:
        drawn = io.BytesIO()
        self.savefig(drawn, format="png", bbox_inches="tight")
        return drawn.getvalue()


def _is_blank(axis: Axes) -> bool:
    says = axis.texts or axis.get_legend()
    return axis.axison and not axis.has_data() and not says


def panels(mosaic: str, size: tuple[float, float]) -> tuple[Figure, dict[str, Axes]]:
    """A figure and its panels by letter: `panels("ab;cc", (8, 6))` has c below.

    Rows after `;` are one grid, those after `|` have columns of their own.
    """
    canvas = Canvas(figsize=size, layout="constrained")
    axes: dict[str, Axes] = {}
    rows = mosaic.split("|")
    parts = canvas.subfigures(len(rows), 1, squeeze=False)[:, 0]
    for part, row in zip(parts, rows, strict=True):
        axes |= part.subplot_mosaic(row)
    return canvas, axes


def mosaic(*grids: tuple[int, int]) -> str:
    """Letters for `panels` by columns and rows: of (3, 2), (1, 1) it is "abc;def|g"."""
    letter = iter(string.ascii_letters)
    parts = [
        ";".join("".join(itertools.islice(letter, columns)) for _ in range(rows))
        for columns, rows in grids
    ]
    return "|".join(parts)


def frame(
    axis: Axes, title: str = "", of: Any = None, x: Any = "", y: Any = "", **labels: Any
) -> None:
    """Title a panel after its letter and name its axes; `legend` takes its place.

    There is a legend where something has a label, and in it what bands and bars are:
    `± sd, 8 seeds`; `legend=False` leaves it out. Labels of `of` fill the title, `x`
    and `y` name the axes, and `labels` are others of `Axes.set`.
    """
    place = labels.pop("legend", {})
    named = {"xlabel": x, "ylabel": y}
    axis.set(**{name: text for name, text in named.items() if text}, **labels)
    words = title if of is None else filled(title, of)
    axis.set_title(f"({axis.get_label()}) {words}", loc="left")
    handles, names = axis.get_legend_handles_labels()
    for handle, name in _spreads(axis):
        handles.append(handle)
        names.append(name)
    if handles and place is not False:
        axis.legend(handles, names, **({} if place is True else place))


def key(axis: Axes, label: str, style: str = "-", **look: Any) -> None:
    """A line of the legend that stands for no curve of its own."""
    axis.plot([], [], style, label=label, **{"color": "0.3", **look})


def keys(axis: Axes, *labels: str) -> None:
    """A line of the legend for each curve of a dimension that `dash` names."""
    for label, dash in zip(labels, DASHES, strict=False):
        axis.plot([], [], ls=dash, color="0.3", label=label)


def level(axis: Axes, at: Any, label: str = "", **look: Any) -> None:
    """A horizontal line, dotted and black: a theory's or a published value."""
    look = {"color": "k", "ls": ":", "lw": 1, **look}
    axis.axhline(float(at), label=label or None, **look)


def _spreads(axis: Axes) -> Iterator[tuple[Any, str]]:
    """A handle and words for every kind of band and bar in a panel."""
    found: dict[str, Any] = {}
    for artist in axis.findobj(lambda a: "±" in str(a.get_gid())):
        kind, _, words = str(artist.get_gid()).partition(":")
        band, bars = Patch(color="0.8", lw=0), Line2D([], [], color="0.3", marker="|")
        found.setdefault(words, band if kind == "band" else bars)
    for words, handle in found.items():
        yield handle, words

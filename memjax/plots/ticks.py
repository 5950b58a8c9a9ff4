"""Ticks of logarithmic axes: plain numbers, and no more of them than fit."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import (
    FuncFormatter,
    Locator,
    LogLocator,
    MaxNLocator,
    NullFormatter,
)
from matplotlib.transforms import Bbox

STEPS = ((1, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))  # within a decade, closest first
DECADES = 3  # powers of ten that name an axis well enough by themselves


def log_ticks(axis: Axes, labels: Any, along: str = "x") -> None:
    """A logarithmic axis that names these values and no others, as many as fit.

    What is not above zero has no place there.
    """
    axis.set(**{f"{along}scale": "log"})
    _name(getattr(axis, f"{along}axis"), sorted(float(v) for v in labels if v > 0))
    getattr(axis, f"{along}axis").set_ticks([], minor=True)


def plain_ticks(axis: Axes) -> None:
    """Name 2, 3, 5 and 7, too, where a logarithmic axis has few powers of ten."""
    for side in (axis.xaxis, axis.yaxis):
        if (
            side.get_scale() != "log"
            or type(side.get_major_locator()) is not LogLocator
        ):
            continue
        side.set_minor_formatter(NullFormatter())
        least, most = sorted(side.get_view_interval())
        if math.floor(math.log10(most)) - math.ceil(math.log10(least)) + 1 < DECADES:
            _name(side)


def _name(side: Any, values: Sequence[float] = ()) -> None:
    side.set_major_locator(Fitting(values))
    side.set_major_formatter(FuncFormatter(lambda value, _: text_of(value)))


class Fitting(Locator):
    """As many ticks as have room for their labels: of these values, or round ones."""

    def __init__(self, values: Sequence[float] = ()) -> None:
        self.values = values

    def __call__(self) -> Any:
        side: Any = self.axis
        return self.tick_values(*side.get_view_interval())

    def tick_values(self, vmin: float, vmax: float) -> Any:
        least, most = sorted((vmin, vmax))
        if least <= 0:  # nothing is drawn yet
            return self.values
        if self.values:
            return self._thinned(least, most)
        for ticks in _round(least, most):
            if len(ticks) > 1 and self._fit(ticks, least, most):
                return ticks
        return MaxNLocator(3, steps=[1, 2, 5, 10]).tick_values(least, most)

    def _thinned(self, least: float, most: float) -> list[float]:
        """The values without those that stand too near one that is kept."""
        kept: list[float] = []
        for value in self.values:
            if not kept or self._fit([kept[-1], value], least, most):
                kept.append(value)
        return kept

    def _fit(self, ticks: Sequence[float], least: float, most: float) -> bool:
        """Whether the labels of these ticks, in order, are apart."""
        side: Any = self.axis
        unit = Bbox.unit().transformed(
            side.axes.transAxes - side.get_figure(root=True).dpi_scale_trans
        )
        flat = side.axis_name == "x"
        points = 72 * (unit.width if flat else unit.height)
        at = points * np.log(ticks) / np.log(most / least)
        size = side._get_tick_label_size(side.axis_name)
        letters = np.array([len(text_of(tick)) for tick in ticks])
        wide = size * (0.6 * letters + 0.6) if flat else np.full(len(ticks), 1.2 * size)
        return bool(np.all(np.diff(at) >= (wide[1:] + wide[:-1]) / 2))


def _round(least: float, most: float) -> Iterator[list[float]]:
    """Round numbers between two, fewer and fewer."""
    powers = range(math.floor(math.log10(least)), math.ceil(math.log10(most)) + 1)
    for steps in STEPS:
        every = (float(f"{step}e{power}") for power in powers for step in steps)
        yield [value for value in every if least <= value <= most]


def text_of(label: Any) -> str:
    """A label as it is written beside an axis."""
    return label if isinstance(label, str) else f"{label:g}"

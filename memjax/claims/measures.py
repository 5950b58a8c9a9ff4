"""Measures that the table of any experiment may name."""

from typing import Any

import xarray as xr

from memjax.claims.calls import value
from memjax.claims.logged import late
from memjax.claims.lookup import Estimate, at, farthest, first_step


def change(
    results: Any, sweep: str, quantity: str, axis: str, first: str, last: str
) -> Any:
    """How much a quantity grows from one label of an axis to another, seed by seed."""
    found = results[sweep][quantity]
    before, after = (at(found, **{axis: value(label)}) for label in (first, last))
    return after - before


def away(
    results: Any, runs: str, exact: str, quantity: str, margin: str, *label: str
) -> Estimate:
    """How far one sweep is from another, at worst, in units of the margin.

    The second one is exact. `label` is an axis and where on it the first is looked up,
    if not everywhere: `away main theory excess 0.02 size 128`.
    """
    found = results[runs][quantity]
    if label:
        found = at(found, **{label[0]: value(label[1])})
    return farthest(found, results[exact][quantity], float(margin))


def extreme(results: Any, which: str, sweep: str, quantity: str, *axes: str) -> Any:
    """The `max` or `min` of a quantity over axes, or over all of them and the seeds.

    NaN where a run diverged. `extreme min main accuracy activation:relu,square` is of
    these two labels, both of which must have run.
    """
    found = results[sweep][quantity]
    for text in axes:
        name, _, listed = text.partition(":")
        if name not in found.coords:
            raise KeyError(f"there is no label {name}")
        if listed:
            parts = [at(found, **{name: value(label)}) for label in listed.split(",")]
            found = xr.concat(parts, name)
    names = [text.partition(":")[0] for text in axes]
    over = [name for name in names if name in found.dims] if axes else None
    return {"max": found.max, "min": found.min}[which](over, skipna=False)


def least(results: Any, sweep: str, quantity: str, axis: str) -> Any:
    """A quantity at that label of an axis where its mean over seeds is least."""
    found = results[sweep][quantity]
    return found.isel({axis: found.mean("seed").argmin(axis)})


def averaged(results: Any, sweep: str, quantity: str) -> Any:
    """What runs log, averaged over the last quarter of their steps."""
    return late(results[sweep])[quantity]


def reached(results: Any, sweep: str, quantity: str, level: str) -> Any:
    """The first logged step at which a quantity reaches a level, infinite if never."""
    return first_step(results[sweep][quantity], float(level))

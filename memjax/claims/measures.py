"""Measures that the table of any experiment may name."""

from typing import Any

from memjax.claims.lookup import Estimate, at, farthest
from memjax.claims.rows import value


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

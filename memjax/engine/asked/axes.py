"""A run's parameters, and the axes and inputs that are given for them."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.engine.asked.parameters import BadValue, check_range, is_sequence

RESERVED = ("inputs", "store", "chunk", "progress", "shard", "plan", "float64")


class Zipped(NamedTuple):
    """Parameters that move together along one dimension; see `zipped`."""

    columns: dict[str, Sequence]


def zipped(**columns: Sequence) -> Zipped:
    """Axes tied into one dimension, which takes the first one's name.

    `mj.sweep(run, mj.zipped(lr=[1e-3, 1e-2], wd=[0.0, 0.1]), seed=range(4))`. Numbers
    and shapes may be mixed.
    """
    for name, values in columns.items():
        if not is_sequence(values):
            raise BadValue(name, f"zipped axes are sequences, got {values!r}")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) != 1:
        name = next(iter(columns), "zipped")
        raise BadValue(name, f"zipped axes need equal lengths, got {lengths}")
    return Zipped(columns)


@partial(jax.tree_util.register_dataclass, data_fields=["tree"], meta_fields=["axis"])
@dataclass(frozen=True)
class Per:
    """An input with one entry for each value of an axis; see `per`."""

    axis: str
    tree: Any


def per(axis: str, tree: Any) -> Per:
    """Arrays whose leading axis runs along the sweep's `axis`, for `inputs=`.

    Entries with names are an axis of their own: `graph=names, inputs={"graph":
    per("graph", arrays)}` hands the run, as `graph`, the entry of each name.
    """
    return Per(axis, tree)


def border(run: Callable) -> tuple[tuple[str, ...], tuple[str, ...], dict[str, Any]]:
    """The numbers and the shapes of a run (before and after the `*`), and defaults."""
    parameters = inspect.signature(run).parameters.values()
    for p in parameters:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise BadValue(
                p.name, f"{run.__name__} must name its parameters, not *{p.name}"
            )
        if p.name in RESERVED:
            raise BadValue(
                p.name, f"is an option of sweep; rename it in {run.__name__}"
            )
    numbers = tuple(p.name for p in parameters if p.kind != p.KEYWORD_ONLY)
    shapes = tuple(p.name for p in parameters if p.kind == p.KEYWORD_ONLY)
    defaults = {p.name: p.default for p in parameters if p.default is not p.empty}
    return numbers, shapes, defaults


def with_name(run: Callable) -> Callable:
    """A run that has a name, as partial functions and callable objects have not."""
    if hasattr(run, "__name__"):
        return run

    def called(**given: Any) -> Any:
        return run(**given)

    function = run.func if isinstance(run, partial) else type(run)
    called.__name__ = called.__qualname__ = with_name(function).__name__
    called.__dict__["__signature__"] = inspect.signature(run)
    called.__dict__["__wrapped__"] = function
    return called


def check_inputs(
    inputs: Mapping[str, Any] | None, lengths: Mapping[str, int]
) -> dict[str, Any]:
    """Inputs by parameter; refused where JAX has no type for one, or an entry too few.

    `lengths` are those of the axes that an input may run along.
    """
    for name, given in (inputs or {}).items():
        leaves = jax.tree.leaves(given, is_leaf=lambda v: isinstance(v, Per))
        if any(isinstance(leaf, Per) for leaf in leaves if leaf is not given):
            raise BadValue(name, "per() goes around the whole input: per(axis, {...})")
        for array in jax.tree.leaves(given):
            check_range(name, array)
        if isinstance(given, Per):
            _check_per(name, given, lengths)
    return dict(inputs or {})


def _check_per(name: str, given: Per, lengths: Mapping[str, int]) -> None:
    if given.axis not in lengths:
        known = ", ".join(lengths) or "none"
        raise BadValue(name, f"runs along {given.axis}, not an axis here ({known})")
    length = lengths[given.axis]
    found = {np.shape(a)[0] for a in jax.tree.leaves(given.tree)}
    if found != {length}:
        problem = f"has {sorted(found)} entries for the {length} of {given.axis}"
        raise BadValue(name, problem)

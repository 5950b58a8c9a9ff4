"""A sweep: a pure function of numbers, mapped over a grid."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
import xarray as xr

from memjax.sweep.engine import abstract, numbers_of, program
from memjax.sweep.grid import BadValue, Per, Zipped, make_grid
from memjax.sweep.identity import question
from memjax.sweep.plan import Group, Plan, make_plan
from memjax.sweep.provenance import provenance
from memjax.sweep.results import Piece, assemble, fetch, grid_coords


class Sweep:
    """A run and the values of its parameters: a question that nothing has run yet.

    `Sweep(run, size=[50, 100], lr=1e-3, seed=range(8))`. A sequence is an axis and
    keeps its dimension even at length one; a scalar is fixed. Parameters before the `*`
    of the run's signature are numbers, traced: any number of their values is one
    program. Those after it are shapes, one program for each value. Positional
    arguments are `zipped` axes.

    `inputs` hands arrays to parameters of the run: as they are, or `per(axis, arrays)`
    for one entry per value of an axis. Never let a run close over large arrays: they
    would be compiled into the program.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        *zips: Zipped,
        inputs: Mapping[str, Any] | None = None,
        **axes: Any,
    ) -> None:
        self.run = run
        self.inputs = dict(inputs or {})
        self.grid = make_grid(run, zips, axes, self.inputs)
        for name, given in self.inputs.items():
            if isinstance(given, Per):
                self._check_per(name, given)

    def __len__(self) -> int:
        return int(np.prod(self.grid.shape))

    def __repr__(self) -> str:
        axes = {d: len(next(iter(c.values()))) for d, c in self.grid.axes.items()}
        named = " × ".join(f"{d} {n}" for d, n in axes.items()) or "a single run"
        return f"Sweep({self.run.__name__}: {named} = {len(self)} runs)"

    def question(self) -> dict[str, Any]:
        """What the results depend on, besides the values of the axes."""
        return question(self.run, self.grid, self.inputs)

    def covered_by(self, results: xr.Dataset) -> bool:
        """Whether results hold every run of this sweep."""
        wanted = {d: self._labels(d) for d in self.grid.axes}
        return all(
            d in results.indexes and set(values) <= set(results[d].values.tolist())
            for d, values in wanted.items()
        )

    def select(self, results: xr.Dataset) -> xr.Dataset:
        """The runs of this sweep, out of results that cover it."""
        return results.sel({d: self._labels(d) for d in self.grid.axes})

    def _labels(self, dimension: str) -> list:
        return grid_coords(self.grid)[dimension][1]

    def plan(self, chunk: int | None = None) -> Plan:
        """How the sweep would run here; nothing is compiled."""
        return make_plan(self.grid, jax.device_count(), chunk)

    def compute(
        self, *, plan: Plan | None = None, chunk: int | None = None
    ) -> xr.Dataset:
        """Run the grid and return its results, labelled."""
        if chunk is not None and chunk < 1:
            raise BadValue("chunk", f"must be at least 1, got {chunk}")
        pieces, seconds = [], {"compile_seconds": 0.0, "run_seconds": 0.0}
        for group in (plan or self.plan(chunk)).groups:
            pieces.append(self._run(group, seconds))
        results = assemble(self.grid, pieces)
        record = {**provenance(), **{k: round(v, 3) for k, v in seconds.items()}}
        return results.assign_attrs(
            run=self.run.__name__, provenance=json.dumps(record)
        )

    def _run(self, group: Group, seconds: dict[str, float]) -> Piece:
        arguments = (self._numbers(group), self._arrays(), None, np.int32(0))
        shapes = tuple(group.shapes.items())
        began = time.perf_counter()
        compiled = program(self.run, shapes, group.chunk, None, abstract(arguments))
        compiled_at = time.perf_counter()
        outcome = fetch(compiled(*arguments))
        seconds["compile_seconds"] += compiled_at - began
        seconds["run_seconds"] += time.perf_counter() - compiled_at
        real = jax.tree.map(lambda a: a[group.real], outcome)
        return Piece(group.lanes[group.real], real)

    def _numbers(self, group: Group) -> dict[str, jax.Array]:
        positions = self.grid.positions()[group.lanes]
        values = {n: self.grid.column(n, positions) for n in self.grid.numbers}
        for given in self.inputs.values():
            if isinstance(given, Per):
                dimension = list(self.grid.axes).index(given.axis)
                values[f"@{given.axis}"] = positions[:, dimension]
        return numbers_of(values)

    def _arrays(self) -> dict[str, Any]:
        return {
            name: jax.tree.map(jax.numpy.asarray, v) for name, v in self.inputs.items()
        }

    def _check_per(self, name: str, given: Per) -> None:
        if given.axis not in self.grid.axes:
            known = ", ".join(self.grid.axes) or "none"
            raise BadValue(name, f"runs along {given.axis}, not an axis here ({known})")
        length = len(next(iter(self.grid.axes[given.axis].values())))
        found = {np.shape(a)[0] for a in jax.tree.leaves(given.tree)}
        if found != {length}:
            raise BadValue(
                name, f"has {sorted(found)} entries for the {length} of {given.axis}"
            )


def sweep(
    run: Callable[..., Any],
    *zips: Zipped,
    inputs: Mapping[str, Any] | None = None,
    plan: Plan | None = None,
    chunk: int | None = None,
    **axes: Any,
) -> xr.Dataset:
    """The labelled results of a run over a grid: the eager form of `Sweep`."""
    return Sweep(run, *zips, inputs=inputs, **axes).compute(plan=plan, chunk=chunk)

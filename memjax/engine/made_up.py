"""Results of a sweep's form with numbers that nothing has computed."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr

from memjax.engine.asked.axes import Per
from memjax.engine.asked.grid import Grid
from memjax.engine.asked.parameters import bare
from memjax.engine.kept.results import assemble
from memjax.engine.run.outcome import Outcome, Piece
from memjax.legs import Legs

LARGE = 10**6  # numbers of a quantity above which lanes share theirs


def made_up(run: Callable, grid: Grid, inputs: dict[str, Any]) -> xr.Dataset:
    """Random numbers between 0 and 1 in the form of a sweep's results.

    Of the run's first lane, abstractly: nothing is compiled. Runs of other shapes are
    given the same form.
    """
    times, logged, final = form(run, grid, inputs)
    draw = np.random.default_rng(0)

    def drawn(leaf: Any, *leading: int) -> np.ndarray:
        shape = (*leading, *leaf.shape)
        own = shape if np.prod(shape) < LARGE else (1, *shape[1:])
        whole = leaf.dtype.kind in "iu"
        values: Any = draw.integers(10, size=own) if whole else draw.uniform(size=own)
        values = values > 0.5 if leaf.dtype == bool else values.astype(leaf.dtype)
        return np.broadcast_to(values, shape)

    outcome = Outcome(
        times,
        jax.tree.map(lambda leaf: drawn(leaf, grid.lanes, len(times)), logged),
        jax.tree.map(lambda leaf: drawn(leaf, grid.lanes), final),
        None,
    )
    if "step" in outcome.logged:
        outcome.logged["step"] = np.tile(times, (grid.lanes, 1))
    if times:
        outcome.final["diverged_at"] = np.full(grid.lanes, -1)
    return assemble(grid, [Piece(np.arange(grid.lanes), outcome)])


def form(run: Callable, grid: Grid, inputs: dict[str, Any]) -> tuple[tuple, dict, dict]:
    """The times of the first lane; the types of what it logs and of what it ends in."""
    first = grid.positions()[:1]
    shapes = {n: bare(v) for n, v in grid.groups(first)[0][0].items()}
    numbers = {n: jnp.asarray(grid.column(n, first)[0]) for n in grid.numbers}
    handed = {n: _first(given) for n, given in inputs.items()}
    times: list[tuple] = [()]

    def ends(numbers: dict, handed: dict) -> tuple[dict, dict]:
        result = run(**numbers, **handed, **shapes)
        if not isinstance(result, Legs):
            return {}, result
        seen = result.observe(result.start)
        if isinstance(result.times, tuple):
            times.append(result.times)
        else:
            times.append(tuple(range(len(result.times))))
            seen |= {"step": result.times[0]}
        return seen, result.finish(result.start)

    logged, final = jax.eval_shape(ends, numbers, handed)
    return times[-1], logged, final


def _first(given: Any) -> Any:
    if not isinstance(given, Per):
        return given
    return jax.tree.map(lambda a: a[0], given.tree)

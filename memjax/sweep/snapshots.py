"""Parameters at chosen steps of chosen runs, to load back into their model."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from memjax.core import Legs, Tree, logged
from memjax.sweep.grid import BadValue, Grid, Per, label
from memjax.sweep.identity import is_key


class Snapshots(NamedTuple):
    """Trees of parameters, one for each run and step; random keys as their data."""

    leaves: xr.Dataset  # a variable per leaf, over the axes and `step`
    structure: Any

    def at(self, **labels: Any) -> Tree:
        """The tree at one step of one run: `snapshots.at(seed=0, lr=1e-3, step=100)`.

        Axes of length one may be left out.
        """
        names = self.leaves.attrs["axes"]
        for name, value in labels.items():
            if name not in names:
                raise BadValue(name, f"is no axis here, only {', '.join(names)}")
            if value not in self.leaves[name].values:
                known = self.leaves[name].values.tolist()
                raise BadValue(name, f"{value} is not among {known}")
        chosen = self.leaves.sel(labels)
        still = [d for d in names if d in chosen.dims and chosen.sizes[d] > 1]
        if still:
            raise BadValue(still[0], "say which one")
        chosen = chosen.squeeze([d for d in names if d in chosen.dims])
        return jax.tree.unflatten(
            self.structure, [chosen[n].values for n in self.leaves.data_vars]
        )

    def save(self, file: str | Path) -> None:
        """Write the trees as a netCDF file."""
        self.leaves.to_netcdf(file, engine="h5netcdf")

    @classmethod
    def load(cls, file: str | Path, like: Tree) -> "Snapshots":
        """Trees as `save` wrote them; `like` is any tree of their structure."""
        leaves = xr.load_dataset(file, engine="h5netcdf")
        return cls(leaves, jax.tree.structure(like))


def watched_states(run: Callable, steps: Sequence[int]) -> tuple[Callable, list]:
    """The same run observing its parameters, and a list that gets their structure."""
    times = logged(sorted({0, *steps}))
    structures: list = []

    @functools.wraps(run)
    def watched(**given: Any) -> Legs:
        legs = run(**given)
        if not isinstance(legs, Legs):
            raise TypeError(f"{run.__name__} takes no time, so it has no snapshots")
        if times[0] < 0 or times[-1] > legs.times[-1]:
            raise BadValue("steps", f"must be 0 to {legs.times[-1]}, got {list(steps)}")

        def observe(state: Tree) -> dict[str, jax.Array]:
            found, structure = jax.tree.flatten(legs.keep(state))
            structures.append(structure)
            plain = [jax.random.key_data(a) if is_key(a) else a for a in found]
            return {f"leaf{i:04d}": a for i, a in enumerate(plain)}

        return legs._replace(times=times, observe=observe, finish=lambda state: {})

    return watched, structures


def subset(
    grid: Grid, inputs: Mapping[str, Any], labels: Mapping[str, Any]
) -> tuple[Grid, dict[str, Any]]:
    """The part of a grid with these labels on its axes, and of inputs along them."""
    axes, parts = dict(grid.axes), dict(inputs)
    for dimension, wanted in labels.items():
        if dimension not in axes:
            raise BadValue(dimension, f"is no axis here, only {', '.join(axes)}")
        known = [label(v) for v in axes[dimension][dimension]]
        missing = [v for v in np.atleast_1d(wanted).tolist() if v not in known]
        if missing:
            raise BadValue(dimension, f"{missing[0]} is not among {known}")
        rows = [known.index(v) for v in np.atleast_1d(wanted).tolist()]
        columns = axes[dimension].items()
        axes[dimension] = {n: tuple(values[i] for i in rows) for n, values in columns}
        parts = {n: _rows_of(given, dimension, rows) for n, given in parts.items()}
    return grid._replace(axes=axes), parts


def _rows_of(given: Any, dimension: str, rows: list[int]) -> Any:
    if not isinstance(given, Per) or given.axis != dimension:
        return given
    return Per(dimension, jax.tree.map(lambda a: a[np.array(rows)], given.tree))

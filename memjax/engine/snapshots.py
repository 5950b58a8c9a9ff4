"""Parameters at chosen steps of chosen runs, to load back into their model."""

import copy
import functools
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
import xarray as xr

from memjax.engine.asked.axes import Per
from memjax.engine.asked.grid import Grid
from memjax.engine.asked.parameters import BadValue, label
from memjax.engine.asked.values import is_key
from memjax.engine.kept.files import write
from memjax.lanes import Tree
from memjax.legs import Legs, logged


class Part(NamedTuple):
    """Trees of one structure: of the runs that share all shapes."""

    leaves: xr.Dataset  # a variable per leaf, named by its path, over axes and `step`
    structure: Any


class Snapshots(NamedTuple):
    """Trees of parameters, one for each run and step; random keys as their data."""

    parts: list[Part]

    def at(self, **labels: Any) -> Tree:
        """The tree at one step of one run: `snapshots.at(seed=0, lr=1e-3, step=100)`.

        Axes of length one may be left out.
        """
        self._check(labels)
        among = [
            p for p in self.parts if all(_has(p.leaves, labels, n) for n in labels)
        ]
        (leaves, structure), *others = among
        chosen = leaves.sel(labels)
        names = leaves.attrs["axes"]
        still = [d for d in names if d in chosen.dims and chosen.sizes[d] > 1]
        shaped = [d for d in leaves.attrs["shaped"] if d not in labels]
        if still or others:
            raise BadValue((still or shaped)[0], "say which one")
        chosen = chosen.squeeze([d for d in names if d in chosen.dims])
        return jax.tree.unflatten(
            structure, [chosen[n].values for n in leaves.data_vars]
        )

    def _check(self, labels: Mapping[str, Any]) -> None:
        names = self.parts[0].leaves.attrs["axes"]
        for name, value in labels.items():
            if name not in names:
                raise BadValue(name, f"is no axis here, only {', '.join(names)}")
            if not any(_has(part.leaves, labels, name) for part in self.parts):
                known = [v for p in self.parts for v in p.leaves[name].values.tolist()]
                raise BadValue(name, f"{value} is not among {[*dict.fromkeys(known)]}")

    def save(self, file: str | Path) -> None:
        """Write the trees as a netCDF file, a group for each choice of shapes."""
        xr.Dataset().to_netcdf(file, engine="h5netcdf")
        for i, (leaves, _) in enumerate(self.parts):
            leaves.to_netcdf(file, mode="a", group=f"/{i}", engine="h5netcdf")

    def safetensors(self, file: str | Path, **labels: Any) -> None:
        """Write one tree, that at these labels, as `at` has it, by its leaves' paths.

        Other libraries read such a file: `safetensors.torch.load_file`, say.
        """
        from safetensors.numpy import save_file  # an extra

        found = jax.tree_util.tree_leaves_with_path(self.at(**labels))
        arrays = {_path(path): np.ascontiguousarray(leaf) for path, leaf in found}
        told = {name: str(label) for name, label in labels.items()}
        write(Path(file), lambda draft: save_file(arrays, draft, metadata=told))

    @classmethod
    def load(cls, file: str | Path, like: Any) -> "Snapshots":
        """Trees as `save` wrote them.

        `like` is any tree of their structure, or, where that depends on shapes, a
        function from the labels on their axes to one: `lambda depth: …`.
        """
        groups = xr.open_groups(Path(file), engine="h5netcdf")
        found = [ds.load() for ds in groups.values() if ds.data_vars]
        for dataset in groups.values():
            dataset.close()
        return cls([Part(leaves, _structure(like, leaves)) for leaves in found])


def _has(leaves: xr.Dataset, labels: Mapping[str, Any], name: str) -> bool:
    return labels[name] in leaves[name].values


def _structure(like: Any, leaves: xr.Dataset) -> Any:
    shaped = np.atleast_1d(leaves.attrs["shaped"])
    if callable(like):
        like = like(**{str(d): leaves[str(d)].values[0].item() for d in shaped})
    return jax.tree.structure(like)


def taken(sweep: Any, steps: Sequence[int], labels: Mapping[str, Any]) -> Snapshots:
    """The parameters at some steps of the runs of a `Sweep` with these labels."""
    run, structures = watched_states(sweep.run, steps)
    grid, inputs = subset(sweep.grid, sweep.inputs, labels)
    parts = []
    for shapes in shape_positions(grid):
        chosen = copy.copy(sweep)
        chosen.run = run
        chosen.grid, chosen.inputs = subset(grid, inputs, shapes)
        leaves = chosen.compute().drop_vars(["status", "diverged_at"])
        leaves = leaves.sel(step=list(steps)).drop_attrs()
        leaves.attrs |= {"axes": [*sweep.grid.axes, "step"], "shaped": [*shapes]}
        parts.append(Part(leaves, structures[-1]))
    return Snapshots(parts)


def shape_positions(grid: Grid) -> list[dict[str, Any]]:
    """The labels along all dimensions of shapes, for every choice of them."""
    shaped = [d for d, c in grid.axes.items() if set(c) & set(grid.shapes)]
    labels = [[label(v) for v in grid.axes[d][d]] for d in shaped]
    return [dict(zip(shaped, choice, strict=True)) for choice in product(*labels)]


def watched_states(run: Callable, steps: Sequence[int]) -> tuple[Callable, list]:
    """The same run observing its parameters, and a list that gets their structure."""
    times = logged(sorted({0, *steps}))
    structures: list = []

    @functools.wraps(run)
    def watched(**given: Any) -> Legs:
        legs = run(**given)
        if not isinstance(legs, Legs):
            raise TypeError(f"{run.__name__} takes no time, so it has no snapshots")
        if not isinstance(legs.times, tuple):
            raise BadValue("steps", f"{run.__name__} must log at times that are fixed")
        if times[0] < 0 or times[-1] > legs.times[-1]:
            raise BadValue("steps", f"must be 0 to {legs.times[-1]}, got {list(steps)}")

        def observe(state: Tree) -> dict[str, jax.Array]:
            found, structure = jax.tree_util.tree_flatten_with_path(legs.keep(state))
            structures.append(structure)
            return {_path(path): _plain(leaf) for path, leaf in found}

        return legs._replace(times=times, observe=observe, finish=lambda state: {})

    return watched, structures


def _path(path: Any) -> str:
    """A leaf's place in its tree, `params.0.w`."""
    inside = jax.tree_util.keystr(path, simple=True, separator=".")
    return f"params.{inside}" if inside else "params"


def _plain(leaf: Any) -> Any:
    return jax.random.key_data(leaf) if is_key(leaf) else leaf


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

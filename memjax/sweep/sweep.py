"""A sweep: a pure function of numbers, mapped over a grid."""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from memjax.sweep.devices import wait_for_all
from memjax.sweep.dispatch import Clock, Job, arrays_for, numbers_for, only, run_block
from memjax.sweep.engine import abstract, program, start
from memjax.sweep.grid import BadValue, Per, Zipped, label, make_grid
from memjax.sweep.identity import question
from memjax.sweep.memory import chunk_that_fits, device_budget
from memjax.sweep.plan import Block, Group, Plan, make_groups, make_plan
from memjax.sweep.price import price
from memjax.sweep.progress import watcher
from memjax.sweep.provenance import provenance
from memjax.sweep.results import Piece, assemble, save
from memjax.sweep.snapshots import Snapshots, subset, watched_states
from memjax.sweep.store import Segments, Shard, Store, block_of


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

    def plan(self, *, chunk: int | None = None, watched: bool = True) -> Plan:
        """How the sweep would run here, and what that costs; nothing is compiled.

        A `watched` sweep (one with a bar or a store) returns to Python every few
        seconds; another is one call a group.
        """
        return self._plan(np.arange(len(self)), chunk, watched)

    def compute(
        self,
        *,
        store: str | Path | None = None,
        progress: bool = False,
        chunk: int | None = None,
        shard: tuple[int, int] | None = None,
    ) -> xr.Dataset:
        """Run the grid and return its results, labelled.

        With a `store`, a directory, finished work is kept there as it is done: asked
        again, the sweep goes on where it was killed, computes only what an axis has
        grown by, and is loaded when nothing is missing. `progress` shows a bar on a
        terminal. `chunk` is the number of lanes in a vmap. `shard=(k, n)` computes the
        k-th of n shares of the lanes, by default one share a process, into a store that
        all processes see.
        """
        clock = Clock(watch=watcher(progress))
        with clock.watch:
            if store is None:
                plan = self._plan(np.arange(len(self)), chunk, progress)
                pieces = self._pieces(plan, clock)
            else:
                mine = Shard(*shard or (jax.process_index(), jax.process_count()))
                pieces = self._kept_pieces(Store(store, mine), chunk, clock)
        return self._results(pieces, clock)

    def read(self, store: str | Path, *, underway: bool = False) -> xr.Dataset:
        """What a store holds of this sweep by now; NaN where nothing has run yet.

        Also what unfinished runs have logged so far, where `underway` is asked for.
        """
        kept = Store(store, Shard(0, 1))
        return self._results(self._stored_pieces(kept, underway), Clock())

    def snapshots(self, steps: Sequence[int], **labels: Any) -> Snapshots:
        """The parameters at some steps of the runs with these labels on their axes.

        `sweep.snapshots([0, 1000], seed=[0, 1])` runs just those again, which gives
        what they had in the sweep, for a run is a pure function of its numbers.
        """
        chosen = copy.copy(self)
        chosen.grid, chosen.inputs = subset(self.grid, self.inputs, labels)
        chosen.run, structures = watched_states(self.run, steps)
        leaves = chosen.compute().drop_vars(["status", "diverged_at"])
        leaves = leaves.sel(step=list(steps)).drop_attrs()
        leaves.attrs["axes"] = [*self.grid.axes, "step"]
        return Snapshots(leaves, structures[0])

    def describe_axes(self) -> list[str]:
        """A line for each axis, and one for what is fixed."""
        lines = [
            f"  {name}: {', '.join(str(label(v)) for v in values)}"
            for columns in self.grid.axes.values()
            for name, values in columns.items()
        ]
        fixed = ", ".join(f"{n}={label(v)}" for n, v in self.grid.fixed.items())
        return [*lines, f"  fixed: {fixed}"] if fixed else lines

    # --- from a plan to pieces ---

    def _plan(self, lanes: np.ndarray, chunk: int | None, priced: bool) -> Plan:
        if chunk is not None and chunk < 1:
            raise BadValue("chunk", f"must be at least 1, got {chunk}")
        groups = make_groups(self.grid, lanes)
        groups = [self._priced(g) for g in groups] if priced else groups
        budget = device_budget()
        if chunk is None and budget is not None:
            chunk = min(
                chunk_that_fits(partial(self._bytes, g), budget) for g in groups
            )
        return make_plan(groups, jax.local_device_count(), chunk)

    def _bytes(self, group: Group, width: int) -> int:
        """The temporaries of a group's program, run in chunks of so many lanes."""
        job, shapes = self._job(), tuple(group.shapes.items())
        lanes = np.resize(group.lanes, width * jax.local_device_count())
        arguments = (numbers_for(job, lanes), arrays_for(job), None, np.int32(0))
        compiled = program(self.run, shapes, width, None, abstract(arguments))
        return compiled.memory_analysis().temp_size_in_bytes

    def _priced(self, group: Group) -> Group:
        job = self._job()
        numbers = {n: a[0] for n, a in numbers_for(job, group.lanes[:1]).items()}
        lane = partial(start, self.run, group.shapes)
        one, two = (price(lane, (numbers, arrays_for(job)), tiles) for tiles in (1, 2))
        per_tile = two.seconds - one.seconds
        seconds = one.seconds + (group.tiles - 1) * per_tile
        return group._replace(price=one, seconds=seconds)

    def _pieces(self, plan: Plan, clock: Clock) -> list[Piece]:
        clock.watch.begin(plan.seconds)
        return [
            Piece(
                block.lanes[block.real],
                only(
                    run_block(self._job(), plan.groups[block.group], block, clock),
                    block.real,
                ),
            )
            for block in plan.blocks
        ]

    def _kept_pieces(
        self, store: Store, chunk: int | None, clock: Clock
    ) -> list[Piece]:
        """Every piece, from the store where it is there, else run and put there."""
        with store.opened(self.question()):
            missing = self._missing(store)
            pending = self._pending(store, missing)
            planned = {lane for _, block, _ in pending for lane in block.lanes.tolist()}
            which, of = store.shard
            fresh = sorted(i for i in missing - planned if i % of == which)
            if fresh:
                store.add_plan(self.grid, self._plan(np.array(fresh), chunk, True))
                pending = self._pending(store, missing)
            clock.watch.begin(sum(block.seconds for _, block, _ in pending))
            for name, block, group in pending:
                self._keep(store, name, block, group, clock)
        wait_for_all(store.shard)
        return self._stored_pieces(store)

    def _missing(self, store: Store) -> set[int]:
        """The lanes of this sweep that no finished block holds."""
        done = {key for keys, _ in store.blocks() for key in keys}
        keys = self.grid.keys(np.arange(len(self)))
        return {lane for lane, key in enumerate(keys) if key not in done}

    def _pending(
        self, store: Store, missing: set[int]
    ) -> list[tuple[str, Block, Group]]:
        """The planned blocks with lanes that are missing, as they were planned."""
        index = {key: i for i, key in enumerate(self.grid.keys(np.arange(len(self))))}
        found = []
        for planned in store.planned():
            lanes = np.array([index.get(key, -1) for key in planned.keys])
            here = planned.devices == jax.local_device_count() and (lanes >= 0).all()
            if here and missing & set(lanes.tolist()):
                (group,) = make_groups(self.grid, np.unique(lanes))
                found.append(
                    (planned.name, block_of(planned, 0, lanes), self._priced(group))
                )
        return found

    def _keep(
        self, store: Store, name: str, block: Block, group: Group, clock: Clock
    ) -> None:
        keys = self.grid.keys(block.lanes)

        def keep(segments: Segments) -> None:
            store.write_segments(name, segments._replace(keys=keys))

        outcome = run_block(
            self._job(), group, block, clock, store.segments(name), keep
        )
        real = [key for key, wanted in zip(keys, block.real, strict=True) if wanted]
        store.write_block(name, real, only(outcome, block.real))

    def _stored_pieces(self, store: Store, underway: bool = False) -> list[Piece]:
        index = {key: i for i, key in enumerate(self.grid.keys(np.arange(len(self))))}
        pieces = []
        for keys, outcome in (*store.blocks(), *(store.underway() if underway else ())):
            wanted = [row for row, key in enumerate(keys) if key in index]
            lanes = np.array([index[keys[row]] for row in wanted], int)
            if wanted:
                pieces.append(Piece(lanes, only(outcome, wanted)))
        return pieces

    def _results(self, pieces: list[Piece], clock: Clock) -> xr.Dataset:
        spent = {
            "compile_seconds": round(clock.compiling, 3),
            "run_seconds": round(clock.running, 3),
        }
        return assemble(self.grid, pieces).assign_attrs(
            run=self.run.__name__, provenance=json.dumps({**provenance(), **spent})
        )

    def _job(self) -> Job:
        return Job(self.run, self.grid, self.inputs)

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
    store: str | Path | None = None,
    progress: bool = False,
    chunk: int | None = None,
    **axes: Any,
) -> xr.Dataset:
    """The labelled results of a run over a grid: the eager form of `Sweep`.

    With a `store` they are also saved there, as `results.nc`.
    """
    stated = Sweep(run, *zips, inputs=inputs, **axes)
    results = stated.compute(store=store, progress=progress, chunk=chunk)
    if store is not None and jax.process_index() == 0:
        save({"main": results}, Path(store) / "results.nc")
    return results

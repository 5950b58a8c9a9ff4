"""A sweep: a pure function of numbers, mapped over a grid."""

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import jax
import numpy as np
import xarray as xr

from memjax.engine.asked.axes import Zipped, border, check_inputs, with_name
from memjax.engine.asked.grid import make_grid
from memjax.engine.asked.parameters import BadValue
from memjax.engine.asked.settings import precisely
from memjax.engine.asked.trace import Moment
from memjax.engine.kept.cluster import Cluster
from memjax.engine.kept.files import save
from memjax.engine.kept.provenance import provenance
from memjax.engine.kept.results import assemble
from memjax.engine.kept.resume import differences, finish, stored_pieces
from memjax.engine.kept.store import Shard, Store, refuse
from memjax.engine.made_up import made_up
from memjax.engine.planned.job import Job
from memjax.engine.planned.machines import Machine
from memjax.engine.planned.plan import Plan
from memjax.engine.planned.propose import propose
from memjax.engine.run.calls import prepare, run_plan
from memjax.engine.run.clock import Clock
from memjax.engine.run.devices import here, wait_for_all
from memjax.engine.run.outcome import Piece
from memjax.engine.run.watch import watcher
from memjax.engine.snapshots import Snapshots, taken


class Sweep:
    """A run and the values of its parameters: a question that nothing has run yet.

    `Sweep(run, size=[50, 100], lr=1e-3, seed=range(8))`. A sequence is an axis and
    keeps its dimension even at length one; a scalar is fixed. Parameters before the `*`
    of the run's signature are numbers, traced: any number of their values is one
    program. Those after it are shapes, one program for each value. Positional
    arguments are `zipped` axes.

    `inputs` hands arrays to parameters of the run: as they are, or `per(axis, arrays)`
    for one entry per value of an axis. Never let a run close over large arrays: they
    would be compiled into the program. `float64` computes this sweep in double
    precision, whatever the process does with others.
    """

    def __init__(
        self,
        run: Callable[..., Any],
        *zips: Zipped,
        inputs: Mapping[str, Any] | None = None,
        float64: bool = False,
        **axes: Any,
    ) -> None:
        self.run, self.float64 = with_name(run), float64
        self.stated = zips, axes  # as given: bounds that are inferred are not among it
        with precisely(self.float64):
            self.grid = make_grid(self.run, zips, axes, inputs)
            self.inputs = check_inputs(inputs, self.grid.lengths)

    def but(
        self,
        run: Callable[..., Any] | None = None,
        *zips: Zipped,
        inputs: Mapping[str, Any] | None = None,
        float64: bool | None = None,
        **axes: Any,
    ) -> "Sweep":
        """The same grid with other values, or of another run.

        `main.but(noise_run, lr=(1e-3,), wd=0)`. What that run does not take is left
        out. A `capacity` that was inferred is inferred anew; one that was given stays,
        and is refused where it has no room. What is given here replaces a column of a
        `zipped` axis, too.
        """
        run = run or self.run
        numbers, shapes, _ = border(run)
        given = {*axes, *(name for z in zips for name in z.columns)}
        entries = {n for n, v in self.inputs.items() if getattr(v, "axis", "") == n}
        kept = {*numbers, *shapes} - given - ({*(inputs or {})} - entries)
        before, others = self.stated
        columns = [{n: v for n, v in z.columns.items() if n in kept} for z in before]
        stay = {n: v for n, v in others.items() if n in kept | axes.keys()}
        in_order = {**stay, **axes}  # dimensions keep their places
        handed = {n: v for n, v in self.inputs.items() if n in kept | entries}
        handed = {n: v for n, v in handed.items() if n in {*numbers, *shapes}}
        return Sweep(
            run,
            *(Zipped(c) for c in columns if c),
            *zips,
            inputs={**handed, **(inputs or {})},
            float64=self.float64 if float64 is None else float64,
            **in_order,
        )

    def __len__(self) -> int:
        return self.grid.lanes

    def __repr__(self) -> str:
        lengths = self.grid.lengths.items()
        named = " × ".join(f"{d} {n}" for d, n in lengths) or "a single run"
        precisely = ", float64" if self.float64 else ""
        return f"Sweep({self.run.__name__}: {named} = {len(self)} runs{precisely})"

    def _repr_html_(self) -> str:
        """In a notebook: its axes as a table."""
        rows = (line.strip().partition(": ")[::2] for line in self.grid.described())
        cells = (f"<tr><th>{escape(n)}<td>{escape(v)}" for n, v in rows)
        return f"<p>{escape(repr(self))}</p><table>{''.join(cells)}</table>"

    def job(self, machine: Machine | None = None, at: Moment | None = None) -> Job:
        """The sweep with its run as it is now, for methods that take one; here, or on
        another machine.

        Without one, each traces the run anew, so that nothing that has changed since is
        missed. Jobs made `at` one moment share what JAX keeps of functions' traces.
        """
        return Job(self.run, self.grid, self.inputs, machine or here(), at)

    def identity(self, job: Job | None = None) -> dict[str, Any]:
        """What the results depend on, besides the values of axes of numbers."""
        job = job or self.job()
        with precisely(self.float64):
            groups = job.groups(np.arange(len(self)))
            traces = sorted({group.lane.fingerprint for group in groups})
            return {**job.question(), "traces": traces}

    def differences(self, store: str | Path, job: Job | None = None) -> list[str]:
        """Where a store answers another question; none where this sweep can go on."""
        kept, job = Store(store, Shard(0, 1)), job or self.job()
        if not kept.exists:
            return []
        with precisely(self.float64):
            found = kept.differences(job.question())
            return found or differences(job, kept, kept.blocks.finished())

    def plan(
        self,
        *,
        chunk: int | None = None,
        machine: Machine | None = None,
        job: Job | None = None,
    ) -> Plan:
        """How the sweep would run here, and what that costs; nothing of it is compiled.

        Or on a machine that may not be here: `plan(machine=mj.machines.h100)`.
        """
        job = job or self.job(machine)
        if machine is not None and machine != job.machine:
            job = job.on(machine)
        with precisely(self.float64):
            return propose(job, np.arange(len(self)), chunk)

    def compute(
        self,
        *,
        store: str | Path | None = None,
        progress: bool = False,
        chunk: int | None = None,
        shard: tuple[int, int] | None = None,
        client: Any = None,
        job: Job | None = None,
    ) -> xr.Dataset:
        """Run the grid and return its results, labelled.

        With a `store`, a directory, finished work is kept there as it is done: asked
        again, the sweep goes on where it was killed, computes only what an axis has
        grown by, and is loaded when nothing is missing. What the run of today would
        compute otherwise is refused. `progress` shows a bar on a terminal. `chunk` is
        the number of lanes in a vmap. `shard=(k, n)` computes the k-th of n shares of
        the lanes into a store that all processes see, and returns what is there by
        then; the default is one share a process of `jax.distributed`, which wait for
        each other.
        `client`, of `distributed`, has its workers compute instead, the blocks of one
        plan; this process alone writes the store.
        """
        clock, job = Clock(watch=watcher(progress)), job or self.job()
        with clock.watch, precisely(self.float64):
            if store is None:
                if client is not None:
                    raise BadValue("client", "needs a store, which keeps the plan")
                with clock.preparing():
                    plan = self.plan(chunk=chunk, job=job)
                pieces = run_plan(job, plan, clock)
            else:
                mine = Shard(*shard or (jax.process_index(), jax.process_count()))
                cluster = None if client is None else Cluster(client, self)
                kept = Store(store, mine)
                finish(job, kept, chunk, clock, cluster)
                if shard is None:
                    wait_for_all()
                pieces = stored_pieces(job, kept)
            return self._results(job, pieces, clock)

    def prepare(
        self,
        *,
        chunk: int | None = None,
        shard: tuple[int, int] = (0, 1),
        job: Job | None = None,
    ) -> None:
        """Compile what `compute` will run where nothing is stored: in a thread, say,
        while something else runs.
        """
        job, (k, n) = job or self.job(), shard
        with precisely(self.float64):
            for block in propose(job, np.arange(len(self))[k::n], chunk).blocks:
                prepare(job, block)

    def read(
        self,
        store: str | Path,
        *,
        underway: bool = False,
        job: Job | None = None,
    ) -> xr.Dataset:
        """What a store holds of this sweep by now; NaN where nothing has run yet.

        Also what unfinished runs have logged so far, where `underway` is asked for. A
        store of an older format or of other versions is read with a word about it.
        """
        kept, job = Store(store, Shard(0, 1)), job or self.job()
        with precisely(self.float64):
            if kept.may_be_read(job.question()):
                refuse(kept.path, differences(job, kept, kept.blocks.finished()))
            return self._results(job, stored_pieces(job, kept, underway), Clock())

    def made_up(self) -> xr.Dataset:
        """Results of this form with random numbers: to try a figure or claims on.

        Nothing is compiled or run.
        """
        with precisely(self.float64):
            return made_up(self.run, self.grid, self.inputs)

    def snapshots(self, steps: Sequence[int], **labels: Any) -> Snapshots:
        """The parameters at some steps of the runs with these labels on their axes.

        `sweep.snapshots([0, 1000], seed=[0, 1])` runs just those again, which gives
        what they had in the sweep, for a run is a pure function of its numbers.
        """
        return taken(self, steps, labels)

    def provenance(self, job: Job | None = None) -> dict[str, Any]:
        """What results are trusted by: versions, devices, settings, traces, source."""
        job = job or self.job()
        with precisely(self.float64):
            return {**provenance(self.run, job.moment), **job.told()}

    def _results(self, job: Job, pieces: list[Piece], clock: Clock) -> xr.Dataset:
        spent = {
            "compile_seconds": round(clock.compiling, 3),
            "run_seconds": round(clock.running, 3),
        }
        machine = {"machine": str(job.machine), "layouts": clock.ran}
        told = {**self.provenance(job), **machine, **spent}
        return assemble(self.grid, pieces).assign_attrs(
            run=self.run.__name__, provenance=json.dumps(told)
        )


def sweep(
    run: Callable[..., Any],
    *zips: Zipped,
    inputs: Mapping[str, Any] | None = None,
    store: str | Path | None = None,
    progress: bool = False,
    chunk: int | None = None,
    float64: bool = False,
    **axes: Any,
) -> xr.Dataset:
    """The labelled results of a run over a grid: the eager form of `Sweep`.

    With a `store` they are also saved there, as `results.nc`.
    """
    stated = Sweep(run, *zips, inputs=inputs, float64=float64, **axes)
    results = stated.compute(store=store, progress=progress, chunk=chunk)
    if store is not None and jax.process_index() == 0:
        save({"main": results}, Path(store) / "results.nc")
    return results

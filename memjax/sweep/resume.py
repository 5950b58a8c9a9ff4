"""A sweep with a store: what is there is read, what is missing is run and put there."""

from typing import NamedTuple

import jax
import numpy as np

from memjax.sweep.devices import wait_for_all
from memjax.sweep.dispatch import Clock, Job, only, run_block
from memjax.sweep.grid import Grid
from memjax.sweep.identity import question
from memjax.sweep.plan import Block, Group
from memjax.sweep.propose import priced_groups, propose
from memjax.sweep.results import Piece
from memjax.sweep.store import Segments, Store, block_of


class Pending(NamedTuple):
    """A planned block that has not finished."""

    name: str
    block: Block
    group: Group


def finish(job: Job, store: Store, chunk: int | None, clock: Clock) -> list[Piece]:
    """The pieces of all lanes that are in the store once this process's are.

    Lanes that a plan of this process holds already run as that plan has them; the rest
    get a plan of their own, which is stored first.
    """
    with store.opened(question(*job)):
        missing = _missing(job.grid, store)
        pending = _pending(job, store, missing)
        planned = {i for p in pending for i in p.block.lanes.tolist()}
        which, of = store.shard
        fresh = sorted(i for i in missing - planned if i % of == which)
        if fresh:
            with clock.preparing():
                plan = propose(job, np.array(fresh), chunk)
            store.add_plan(job.grid, plan)
            pending = _pending(job, store, missing)
        clock.watch.begin(sum(p.block.seconds for p in pending))
        for p in pending:
            _run_and_keep(job, store, p, clock)
    wait_for_all(store.shard)
    return stored_pieces(job.grid, store)


def stored_pieces(grid: Grid, store: Store, underway: bool = False) -> list[Piece]:
    """What a store holds of a grid; with `underway`, unfinished blocks too."""
    index = _index(grid)
    pieces = []
    for keys, outcome in (*store.blocks(), *(store.underway() if underway else ())):
        rows = [row for row, key in enumerate(keys) if key in index]
        if rows:
            lanes = np.array([index[keys[row]] for row in rows])
            pieces.append(Piece(lanes, only(outcome, rows)))
    return pieces


def _index(grid: Grid) -> dict[str, int]:
    """The lanes of a grid by their names."""
    return {key: i for i, key in enumerate(grid.keys(np.arange(grid.lanes)))}


def _missing(grid: Grid, store: Store) -> set[int]:
    """The lanes that no finished block holds."""
    done = {key for keys, _ in store.blocks() for key in keys}
    return {lane for key, lane in _index(grid).items() if key not in done}


def _pending(job: Job, store: Store, missing: set[int]) -> list[Pending]:
    """The blocks of this process's plans that hold missing lanes.

    A block made for other devices, or holding lanes that are not asked for now, is not
    among them: its lanes get a new plan.
    """
    index, positions = _index(job.grid), job.grid.positions()
    groups: dict[tuple, Group] = {}
    found = []
    for planned in store.planned():
        lanes = np.array([index.get(key, -1) for key in planned.keys])
        fits = planned.devices == jax.local_device_count() and (lanes >= 0).all()
        if fits and missing & set(lanes.tolist()):
            ((shapes, _),) = job.grid.groups(positions[lanes])
            key = tuple(shapes.items())
            if key not in groups:
                (groups[key],) = priced_groups(job, np.unique(lanes))
            block = block_of(planned, lanes)
            found.append(Pending(planned.name, block, groups[key]))
    return found


def _run_and_keep(job: Job, store: Store, pending: Pending, clock: Clock) -> None:
    name, block, group = pending
    keys = job.grid.keys(block.lanes)

    def keep(segments: Segments) -> None:
        store.write_segments(name, segments._replace(keys=keys))

    outcome = run_block(job, group, block, clock, store.segments(name), keep)
    real = [key for key, wanted in zip(keys, block.real, strict=True) if wanted]
    store.write_block(name, real, only(outcome, block.real))

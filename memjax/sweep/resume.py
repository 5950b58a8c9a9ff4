"""A sweep with a store: what is there is read, what is missing is run and put there."""

from collections.abc import Iterable
from typing import NamedTuple

import jax
import numpy as np

from memjax.sweep.devices import wait_for_all
from memjax.sweep.dispatch import Clock, only, run_block
from memjax.sweep.identity import explained
from memjax.sweep.job import Job
from memjax.sweep.padding import check_bounds
from memjax.sweep.plan import Block, Group
from memjax.sweep.propose import propose
from memjax.sweep.results import Piece
from memjax.sweep.store import Kept, Segments, Store, block_of, made_by, refuse


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
    with store.opened(job.question()):
        with clock.preparing():
            kept = list(store.blocks())
            refuse(store.path, differences(job, store, kept))
            missing = _missing(job, kept)
            pending = _pending(job, store, missing)
        planned = {i for p in pending for i in p.block.lanes.tolist()}
        which, of = store.shard
        fresh = sorted(i for i in missing - planned if i % of == which)
        if fresh:
            with clock.preparing():
                plan = propose(job, np.array(fresh), chunk)
            check_bounds(job, kept, plan.groups, clock)
            for group in plan.groups:
                store.keep_trace(group)
            store.add_plan(job, plan)
            pending = _pending(job, store, missing)
        clock.watch.begin(sum(p.block.seconds for p in pending))
        for p in pending:
            _run_and_keep(job, store, p, clock)
    wait_for_all(store.shard)
    return stored_pieces(job, store)


def differences(job: Job, store: Store, kept: Iterable[Kept]) -> list[str]:
    """Where the run of today would not make what is stored, at the bounds it had."""
    for keys, _, made in kept:
        lanes = np.array([job.index[key] for key in keys if key in job.index], int)
        if made is None or not len(lanes):
            continue
        (group,) = job.groups(lanes, made.bounds)
        now = group.lane.fingerprint
        if now != made.trace:
            return _difference(store, made.trace, group)
    return []


def _difference(store: Store, trace: str, group: Group) -> list[str]:
    stored = store.trace(trace)
    if stored is None:
        return ["its trace differs, and the record of it is lost"]
    return explained(stored, group.lane, group.shapes)


def stored_pieces(job: Job, store: Store, underway: bool = False) -> list[Piece]:
    """What a store holds of a grid; with `underway`, unfinished blocks too."""
    index = job.index
    pieces = []
    for keys, outcome, _ in (*store.blocks(), *(store.underway() if underway else ())):
        rows = [row for row, key in enumerate(keys) if key in index]
        if rows:
            lanes = np.array([index[keys[row]] for row in rows])
            pieces.append(Piece(lanes, only(outcome, rows)))
    return pieces


def _missing(job: Job, kept: Iterable[Kept]) -> set[int]:
    """The lanes that no finished block holds."""
    done = {key for keys, _, _ in kept for key in keys}
    return {lane for key, lane in job.index.items() if key not in done}


def _pending(job: Job, store: Store, missing: set[int]) -> list[Pending]:
    """The blocks of this process's plans that hold missing lanes.

    A block made for other devices or by another trace, or holding lanes that are not
    asked for now, is not among them: its lanes get a new plan.
    """
    index = job.index
    found = []
    for planned in store.planned():
        lanes = np.array([index.get(key, -1) for key in planned.keys])
        fits = planned.devices == jax.local_device_count() and (lanes >= 0).all()
        if fits and missing & set(lanes.tolist()):
            (group,) = job.groups(np.unique(lanes), planned.made.bounds)
            if made_by(job.grid, group) == planned.made:
                block = block_of(planned, lanes)
                found.append(Pending(planned.name, block, group))
    return found


def _run_and_keep(job: Job, store: Store, pending: Pending, clock: Clock) -> None:
    name, block, group = pending
    keys, made = job.keys(block.lanes), made_by(job.grid, group)

    def keep(segments: Segments) -> None:
        store.write_segments(name, segments._replace(keys=keys, made=made))

    outcome = run_block(job, group, block, clock, store.segments(name), keep)
    real = [key for key, wanted in zip(keys, block.real, strict=True) if wanted]
    store.write_block(name, Kept(real, only(outcome, block.real), made))

"""A sweep with a store: what is there is read, what is missing is run and put there."""

from collections.abc import Iterable
from functools import partial

import numpy as np

from memjax.engine.asked.question import explained
from memjax.engine.kept.blocks import Kept, made_by
from memjax.engine.kept.cluster import Cluster
from memjax.engine.kept.padding import check_bounds
from memjax.engine.kept.store import Store, refuse
from memjax.engine.planned.group import Block, Group
from memjax.engine.planned.job import Job
from memjax.engine.planned.plan import Plan, halves
from memjax.engine.planned.propose import propose
from memjax.engine.run.calls import TooLarge, expect, run_block
from memjax.engine.run.clock import Clock
from memjax.engine.run.outcome import Piece, only


def finish(
    job: Job,
    store: Store,
    chunk: int | None,
    clock: Clock,
    cluster: Cluster | None = None,
) -> None:
    """Run what is missing of this process's share, and put it into the store.

    Lanes that a plan of this process holds already run as that plan has them; the rest
    get a plan of their own, which is stored first. Where there is a cluster its workers
    run them, and this process keeps what they return.
    """
    with store.opened(job.question()):
        with clock.preparing():
            kept = list(store.blocks.finished())
            refuse(store.path, differences(job, store, kept))
            missing = _missing(job, kept)
            pending = _pending(job, store, missing)
        planned = {lane for block in pending for lane in block.lanes.tolist()}
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
        expect(pending, clock)
        if cluster and pending:
            cluster.finish(job, store, pending, clock)
            # What is too large for a worker runs here, in halves.
            pending = _pending(job, store, _missing(job, store.blocks.finished()))
        while pending:
            block = pending.pop(0)
            try:
                _run_and_keep(job, store, block, clock)
            except TooLarge:
                parts = tuple(halves(block, job.machine))
                store.add_plan(job, Plan((block.group,), parts, job.machine))
                store.blocks.forget(block.name)
                pending = _pending(job, store, _missing(job, store.blocks.finished()))


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
    for keys, outcome, _ in (
        *store.blocks.finished(),
        *(store.blocks.underway() if underway else ()),
    ):
        rows = [row for row, key in enumerate(keys) if key in index]
        if rows:
            lanes = np.array([index[keys[row]] for row in rows])
            pieces.append(Piece(lanes, only(outcome, rows)))
    return pieces


def _missing(job: Job, kept: Iterable[Kept]) -> set[int]:
    """The lanes that no finished block holds."""
    done = {key for keys, _, _ in kept for key in keys}
    return {lane for key, lane in job.index.items() if key not in done}


def _pending(job: Job, store: Store, missing: set[int]) -> list[Block]:
    """The blocks of this process's plans that hold missing lanes.

    A block made for other devices or by another trace, or holding lanes that are not
    asked for now, is not among them: its lanes get a new plan. Nor is one that was too
    large: a later plan holds its halves.
    """
    index, found, later = job.index, list[Block](), set[int]()
    for planned in reversed(store.planned()):
        lanes = np.array([index.get(key, -1) for key in planned.keys])
        fits = planned.suits(job.machine) and (lanes >= 0).all()
        if fits and (missing - later) & set(lanes.tolist()):
            (group,) = job.groups(np.unique(lanes), planned.made.bounds)
            if made_by(job.grid, group) == planned.made:
                found.append(planned.block(group, lanes))
                later |= set(lanes.tolist())
    return found[::-1]


def _run_and_keep(job: Job, store: Store, block: Block, clock: Clock) -> None:
    keys, made = job.keys(block.lanes), made_by(job.grid, block.group)
    keep = partial(store.blocks.keep, block.name, keys, made)
    outcome = run_block(job, block, clock, store.blocks.segments(block.name), keep)
    real = [key for key, wanted in zip(keys, block.real, strict=True) if wanted]
    store.blocks.finish(block.name, Kept(real, only(outcome, block.real), made))

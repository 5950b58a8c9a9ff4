"""Blocks of one plan as the tasks of a dask scheduler: workers compute, one writes.

The sweep travels pickled: functions of modules by name, those of a script by value.
Each worker traces the run anew and refuses a block whose trace or settings are not
those of the plan. Only the process that asked locks the store and writes, so workers
may join, leave and die; the scheduler gives what they had to others.
"""

import threading
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from memjax.engine.asked.question import difference
from memjax.engine.asked.settings import precisely
from memjax.engine.kept.blocks import Kept, Planned, made_by, pack, unpack
from memjax.engine.kept.store import Refused, Store
from memjax.engine.planned.group import Block
from memjax.engine.planned.job import Job
from memjax.engine.run.calls import TooLarge, run_block
from memjax.engine.run.clock import Clock
from memjax.engine.run.devices import use_all_cores
from memjax.engine.run.outcome import only

ONE = threading.Lock()  # a worker has one set of devices, however many its threads


class Cluster:
    """The workers of a `distributed.Client`, at work on a sweep."""

    def __init__(self, client: Any, sweep: Any) -> None:
        import cloudpickle  # comes with dask

        self.client, self.sweep = client, cloudpickle.dumps(sweep)

    def finish(
        self, job: Job, store: Store, pending: Sequence[Block], clock: Clock
    ) -> None:
        """Have blocks computed, and keep them as they come, but what is too large."""
        from distributed import as_completed

        planned = {block.name: block for block in store.planned()}
        # A task, not scattered data, which would be lost with the worker that has it.
        sweep = self.client.submit(as_it_is, self.sweep, pure=False)
        ahead = {
            self.client.submit(
                computed, sweep, job.question(), planned[block.name], pure=False
            ): block
            for block in pending
        }
        try:
            for future, found in as_completed(ahead, with_results=True):
                block = ahead.pop(future)
                if found is None:
                    continue
                header, arrays, compiling, running = found
                store.blocks.finish(block.name, unpack(header, arrays))
                clock.compiling += compiling
                clock.running += running
                steps = max(1, block.group.steps.mean()) * block.real.sum()
                clock.watch.advance(block.seconds, steps)
        finally:
            self.client.cancel(list(ahead))


def as_it_is(sweep: bytes) -> bytes:
    """A pickled sweep, where a worker needs it."""
    return sweep


def computed(
    sweep: bytes, question: dict[str, Any], block: Planned
) -> tuple[dict, dict[str, np.ndarray], float, float] | None:
    """On a worker: what a block's lanes return, and the seconds that took.

    None where the worker's device cannot hold it.
    """
    with ONE:
        use_all_cores()
        job, float64 = _job(sweep)
        with precisely(float64):
            ready = _checked(job, question, block)
            clock = Clock()
            try:
                outcome = only(run_block(job, ready, clock), block.real)
            except TooLarge:
                return None
    real = [key for key, wanted in zip(block.keys, block.real, strict=True) if wanted]
    header, arrays = pack(*Kept(real, outcome, block.made))
    return header, arrays, clock.compiling, clock.running


@lru_cache(maxsize=4)
def _job(sweep: bytes) -> tuple[Job, bool]:
    """A sweep's job, which all its blocks on this worker share, and its precision."""
    import cloudpickle

    found = cloudpickle.loads(sweep)
    return found.job(), found.float64


def _checked(job: Job, question: dict[str, Any], block: Planned) -> Block:
    """The block to run, where it is the same question here."""
    found = difference(question, job.question())
    if not block.suits(job.machine):
        found.append(f"{block.machine['devices']} devices are {job.machine} here")
    if not found:
        lanes = np.array([job.index[key] for key in block.keys])
        (group,) = job.groups(np.unique(lanes), block.made.bounds)
        if made_by(job.grid, group) == block.made:
            return block.block(group, lanes)
        found = ["its run computes something else"]
    raise Refused(f"a worker would answer another question: {'; '.join(found)}")

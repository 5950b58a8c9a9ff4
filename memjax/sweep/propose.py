"""From a job to a plan that knows what it costs and fits this machine."""

from collections.abc import Callable
from functools import lru_cache, partial

import jax
import numpy as np

from memjax.sweep.dispatch import Job, arrays_for, numbers_for
from memjax.sweep.engine import abstract, program, start
from memjax.sweep.grid import BadValue
from memjax.sweep.identity import code_of, digest
from memjax.sweep.memory import chunk_that_fits, device_budget
from memjax.sweep.plan import Group, Plan, make_groups, make_plan
from memjax.sweep.price import Price, price


def propose(job: Job, lanes: np.ndarray, chunk: int | None, watched: bool) -> Plan:
    """The plan of some lanes here; a `watched` one is priced and cut into calls."""
    if chunk is not None and chunk < 1:
        raise BadValue("chunk", f"must be at least 1, got {chunk}")
    groups = make_groups(job.grid, lanes)
    if watched:
        groups = [priced(job, group) for group in groups]
    budget = device_budget()
    if chunk is None and budget is not None:
        widths = (chunk_that_fits(partial(temporaries, job, g), budget) for g in groups)
        chunk = min(widths)
    return make_plan(groups, jax.local_device_count(), chunk)


def priced(job: Job, group: Group) -> Group:
    """A group with the price of its lanes, read from the trace of one of them."""
    numbers = {n: a[0] for n, a in numbers_for(job, group.lanes[:1]).items()}
    arguments = abstract((numbers, arrays_for(job)))
    version = digest(code_of(job.run))
    one, two = _prices(job.run, tuple(group.shapes.items()), arguments, version)
    seconds = one.seconds + (group.tiles - 1) * (two.seconds - one.seconds)
    return group._replace(price=one, seconds=seconds)


@lru_cache(maxsize=64)
def _prices(
    run: Callable, shapes: tuple, arguments: tuple, version: str
) -> tuple[Price, Price]:
    leaves, structure = arguments
    return price(
        partial(start, run, dict(shapes)), jax.tree.unflatten(structure, leaves)
    )


def temporaries(job: Job, group: Group, width: int) -> int:
    """The bytes that a group's program needs, run in chunks of so many lanes."""
    lanes = np.resize(group.lanes, width * jax.local_device_count())
    arguments = (numbers_for(job, lanes), arrays_for(job), None, np.int32(0))
    shapes = tuple(group.shapes.items())
    compiled = program(job.run, shapes, width, None, abstract(arguments))
    return compiled.memory_analysis().temp_size_in_bytes

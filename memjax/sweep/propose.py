"""From a job to a plan that knows what it costs and fits this machine."""

from functools import partial

import jax
import numpy as np

from memjax.sweep.engine import program
from memjax.sweep.grid import BadValue
from memjax.sweep.job import Job
from memjax.sweep.memory import chunk_that_fits, device_budget
from memjax.sweep.plan import Group, Plan, make_plan
from memjax.sweep.trace import abstract


def propose(job: Job, lanes: np.ndarray, chunk: int | None) -> Plan:
    """The plan of some lanes here."""
    if chunk is not None and chunk < 1:
        raise BadValue("chunk", f"must be at least 1, got {chunk}")
    groups = job.groups(lanes)
    budget = device_budget()
    if chunk is None and budget is not None:
        widths = (chunk_that_fits(partial(temporaries, job, g), budget) for g in groups)
        chunk = min(widths)
    return make_plan(groups, jax.local_device_count(), chunk)


def temporaries(job: Job, group: Group, width: int) -> int:
    """The bytes that a group's program needs, run in chunks of so many lanes."""
    lanes = np.resize(group.lanes, width * jax.local_device_count())
    arguments = (job.numbers(lanes), job.arrays, None, np.int32(0))
    compiled = program(group.lane, width, None, abstract(arguments))
    return compiled.memory_analysis().temp_size_in_bytes

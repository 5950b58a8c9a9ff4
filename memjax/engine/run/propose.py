"""From a job to a plan that knows what it costs and fits this machine."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np

from memjax.engine.asked.jaxprs import abstract
from memjax.engine.asked.parameters import BadValue
from memjax.engine.planned.buckets import bucketed
from memjax.engine.planned.job import Job
from memjax.engine.planned.plan import Group, Plan, make_plan
from memjax.engine.run.program import program

SHARE = 0.8  # of a device's memory that a program may plan to use
PROBES = 8, 16  # widths at which a program is compiled to learn what it needs


def propose(job: Job, lanes: np.ndarray, chunk: int | None) -> Plan:
    """The plan of some lanes here."""
    if chunk is not None and chunk < 1:
        raise BadValue("chunk", f"must be at least 1, got {chunk}")
    devices = jax.local_device_count()
    groups = bucketed(job, job.groups(lanes), devices)
    budget = device_budget()
    if chunk is None and budget is not None:
        widths = (chunk_that_fits(partial(temporaries, job, g), budget) for g in groups)
        chunk = min(widths)
    return make_plan(groups, devices, chunk)


def temporaries(job: Job, group: Group, width: int) -> int:
    """The bytes that a group's program needs, run in chunks of so many lanes."""
    lanes = np.resize(group.lanes, width * jax.local_device_count())
    arguments = (job.numbers(lanes), job.arrays, None, np.int32(0))
    compiled = program(group.lane, width, None, abstract(arguments))
    return compiled.memory_analysis().temp_size_in_bytes


def chunk_that_fits(temporaries: Callable[[int], int], budget: int) -> int:
    """The widest chunk whose program keeps its temporaries within `budget` bytes.

    `temporaries(width)` is what the compiler reports at a width. They grow along a
    straight line, so two widths tell the rest.
    """
    narrow, wide = PROBES
    low, high = temporaries(narrow), temporaries(wide)
    slope = (high - low) / (wide - narrow)
    if slope <= 0:
        return wide
    return max(1, int((budget - low) / slope) + narrow)


def device_budget() -> int | None:
    """The bytes of a device that a program may use; None where it shares the host's."""
    statistics = jax.local_devices()[0].memory_stats()
    if jax.default_backend() == "cpu" or not statistics:
        return None
    return int(SHARE * statistics["bytes_limit"])

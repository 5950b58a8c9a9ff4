"""From a job to a plan that knows what it costs; nothing is compiled."""

import jax
import numpy as np

from memjax.engine.asked.parameters import BadValue
from memjax.engine.planned.buckets import bucketed
from memjax.engine.planned.job import Job
from memjax.engine.planned.plan import Plan, make_plan


def propose(job: Job, lanes: np.ndarray, chunk: int | None) -> Plan:
    """The plan of some lanes on the job's machine."""
    if chunk is not None and chunk < 1:
        raise BadValue("chunk", f"must be at least 1, got {chunk}")
    if jax.config.values["jax_enable_x64"] and job.machine.platform == "tpu":
        raise BadValue("float64", f"a {job.machine.kind} has no double precision")
    asked = lanes.tobytes(), chunk
    if asked not in job.plans:
        groups = bucketed(job, job.groups(lanes))
        job.plans[asked] = make_plan(groups, job.machine, chunk)
    return job.plans[asked]

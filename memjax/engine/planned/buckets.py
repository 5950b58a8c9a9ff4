"""Lanes of very different sizes: padded to one bound, or compiled at several."""

from collections.abc import Sequence

import numpy as np

from memjax.engine.planned.group import Group
from memjax.engine.planned.job import UNCUT, Job

PROGRAM_SECONDS = 4.0  # what one more program takes to compile, about


def bucketed(job: Job, groups: Sequence[Group]) -> list[Group]:
    """The groups, cut where a smaller bound saves more than its program costs.

    Only bounds that the sweep has filled in are cut: one that is given stays.
    """
    found = list(groups)
    for bound in job.grid.inferred:
        if bound not in UNCUT:
            found = [part for g in found for part in _cut(job, g, bound)]
    return found


def _cut(job: Job, group: Group, bound: str) -> list[Group]:
    """A group at one bound for each bucket of the number that it bounds."""
    positions = job.grid.positions()[group.lanes]
    values = job.grid.column(job.grid.bounds[bound], positions)
    sizes = np.unique(values)
    loads = np.array([group.seconds[values == s].sum() for s in sizes])
    ends = cheapest(sizes.tolist(), (loads / job.machine.devices).tolist())
    if len(ends) == 1:
        return [group]
    known = {*job.grid.bounds, *job.grid.numbers}
    told = {name: value for name, value in group.shapes.items() if name in known}
    found: list[Group] = []
    for low, high in zip([-np.inf, *ends[:-1]], ends, strict=True):
        inside = (values > low) & (values <= high)
        at = {**told, bound: high}
        at |= job.full(at, positions[inside])
        found += job.groups(group.lanes[inside], at)
    return found


def cheapest(sizes: Sequence[int], loads: Sequence[float]) -> list[int]:
    """The bounds of the buckets that take least time to compile and run.

    `loads` are the seconds that runs of each size take at the largest bound; at a
    smaller one they are taken to shrink with it.
    """
    best: list[tuple[float, list[int]]] = [(0.0, [])]
    for end, size in enumerate(sizes, 1):
        share = size / sizes[-1]
        choices = [
            (before + PROGRAM_SECONDS + share * sum(loads[begin:end]), [*ends, size])
            for begin, (before, ends) in enumerate(best)
        ]
        best.append(min(choices))
    return best[-1][1]

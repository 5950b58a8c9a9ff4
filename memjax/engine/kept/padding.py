"""A bound that has grown: does it only pad, or does the run use it for more?"""

from collections.abc import Iterable, Sequence
from typing import Any

import jax
import numpy as np

from memjax.engine.kept.blocks import Kept, Made, made_by
from memjax.engine.kept.store import WAY_OUT, Refused
from memjax.engine.planned.group import Group
from memjax.engine.planned.job import Job
from memjax.engine.run.calls import first_legs
from memjax.engine.run.clock import Clock

LEGS = 4  # logged times that are computed again
CLOSE = 1e-3  # to a quantity's largest entry: other tiles add up in another order,
CLOSE_IN_FLOAT64 = 1e-6  # and steps magnify what that changes


def check_bounds(
    job: Job, kept: Sequence[Kept], groups: Iterable[Group], clock: Clock
) -> None:
    """Refuse to go on at bounds that change numbers: one stored lane is run again.

    An axis of sizes may grow, for then the capacity grows, and padding changes nothing.
    """
    for group in groups:
        bounds = _bounds(job, made_by(job.grid, group))
        for stored in kept:
            row = _row_of(job, group, stored)
            if row is not None and stored.made and _bounds(job, stored.made) != bounds:
                lane = job.index[stored.keys[row]]
                (padded,) = job.groups(np.array([lane]), bounds)
                again = first_legs(job, padded, lane, LEGS, clock)
                _compare(job, stored, row, again, bounds)
                break


def _bounds(job: Job, made: Made) -> dict[str, int]:
    return {name: v for name, v in made.bounds.items() if name in job.grid.bounds}


def _row_of(job: Job, group: Group, stored: Kept) -> int | None:
    """The first lane of a stored block, where it is one of this group's shapes.

    And where it has room within the group's bounds.
    """
    rows = [row for row, key in enumerate(stored.keys) if key in job.index]
    if not rows:
        return None
    positions = job.grid.positions()[[job.index[stored.keys[rows[0]]]]]
    ((shapes, _),) = job.grid.groups(positions)
    others = shapes.keys() - set(job.grid.bounds)
    same = all(shapes[n] is group.shapes[n] for n in others)
    fits = all(
        job.grid.column(name, positions)[0] <= group.shapes[bound]
        for bound, name in job.grid.bounds.items()
    )
    return rows[0] if same and fits else None


def _compare(
    job: Job, stored: Kept, row: int, again: dict[str, Any], bounds: dict[str, int]
) -> None:
    outcome = stored.outcome
    before = outcome.logged if outcome.logged else outcome.final
    for name, now in jax.tree.map(np.asarray, again).items():
        value = now.value if hasattr(now, "value") else now
        old = np.asarray(getattr(before[name], "value", before[name]))[row]
        if value.dtype.kind in "fiub" and not _close(*_common(old, value)):
            was = _bounds(job, stored.made) if stored.made else {}
            raise Refused(
                f"{job.run.__name__} uses {', '.join(bounds)} for more than padding: "
                f"{name} of one stored run is another at {bounds} than at {was}; keep "
                f"the bound it had{WAY_OUT}"
            )


def _common(old: np.ndarray, now: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The legs and places that both have: a bound may be the length of a dimension."""
    if old.ndim != now.ndim:
        return old, now
    corner = tuple(map(slice, np.minimum(old.shape, now.shape)))
    return old[corner], now[corner]


def _close(old: np.ndarray, now: np.ndarray) -> bool:
    if old.shape != now.shape:
        return False
    allowed = CLOSE_IN_FLOAT64 if now.dtype == np.float64 else CLOSE
    old, now = old.astype(float), now.astype(float)
    largest = np.max(np.abs(old), initial=0.0, where=np.isfinite(old))
    return bool(np.allclose(old, now, rtol=0, atol=allowed * largest, equal_nan=True))

"""From a plan to outcomes: calls in sequence, kept as they finish."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.core import Carry, Tree
from memjax.sweep.engine import on_every_device, program
from memjax.sweep.grid import BadValue
from memjax.sweep.job import Job
from memjax.sweep.lane import Lane, Outcome
from memjax.sweep.plan import Block, Group
from memjax.sweep.progress import Silent
from memjax.sweep.store import Segments
from memjax.sweep.trace import abstract
from memjax.sweep.values import is_key


@dataclass
class Clock:
    """Seconds spent so far."""

    compiling: float = 0.0
    running: float = 0.0
    watch: Silent = field(default_factory=Silent)

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Time spent here, on traces and programs, counts as compiling."""
        began = time.perf_counter()
        yield
        self.compiling += time.perf_counter() - began


def run_block(
    job: Job,
    group: Group,
    block: Block,
    clock: Clock,
    begun: Segments | None = None,
    keep: Callable[[Segments], None] | None = None,
) -> Outcome:
    """What the lanes of a block return, in the host's memory, copies included.

    Where they do not fit into a device's memory, they run in smaller chunks.
    """
    while True:
        try:
            return _walk_block(job, group, block, clock, begun, keep)
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            if block.chunk == 1:
                problem = "one run at a time does not fit into memory"
                raise BadValue("chunk", problem) from error
            block = block._replace(chunk=_smaller(block.chunk))


def _smaller(chunk: int) -> int:
    """The largest divisor of a chunk that is at most half of it."""
    return next(part for part in range(chunk // 2, 0, -1) if chunk % part == 0)


def _walk_block(
    job: Job,
    group: Group,
    block: Block,
    clock: Clock,
    begun: Segments | None,
    keep: Callable[[Segments], None] | None,
) -> Outcome:
    """A block's outcome at its chunk size.

    Without `legs` it is one call. Otherwise each call walks so many legs, goes on from
    the state of the last one, and hands what it has to `keep`.
    """
    numbers, lane = job.numbers(block.lanes), group.lane
    inputs = on_every_device(job.arrays)
    steps, total = max(1, group.price.steps), group.price.legs
    if block.legs is None:
        outcome = _call(lane, block, clock, (numbers, inputs, None, 0))
        clock.watch.advance(block.seconds, steps * block.real.sum())
        return outcome
    carry: Any = lane.blank_carry(len(block.lanes))
    first, seen = 0, []
    if begun is not None:
        first, seen = begun.done, [begun.outcome]
        carry = restored(begun.state, carry)
    for at in range(first, total, block.legs):
        outcome = _call(lane, block, clock, (numbers, inputs, carry, at))
        carry, seen = outcome.carry, [joined([*seen, _host(outcome)])]
        share = block.legs / total
        clock.watch.advance(share * block.seconds, share * steps * block.real.sum())
        if keep is not None and at + block.legs < total:
            keep(Segments(at + block.legs, [], seen[0], plain(carry)))
    return cut(seen[0], total)


def _call(lane: Lane, block: Block, clock: Clock, arguments: tuple) -> Outcome:
    arguments = (*arguments[:3], np.int32(arguments[3]))
    with clock.preparing():
        compiled = program(lane, block.chunk, block.legs, abstract(arguments))
    began = time.perf_counter()
    outcome = jax.block_until_ready(compiled(*arguments))
    clock.running += time.perf_counter() - began
    return outcome if block.legs else _host(outcome)


def first_legs(
    job: Job, group: Group, lane: int, legs: int, clock: Clock
) -> dict[str, Any]:
    """What one lane logs at its first so many times, or what it returns."""
    lanes = np.full(jax.local_device_count(), lane)
    timed = bool(group.lane.traced.parts)
    block = Block(0, lanes, lanes == lane, 1, legs if timed else None, 0.0)
    carry: Any = group.lane.blank_carry(len(lanes)) if timed else None
    inputs = on_every_device(job.arrays)
    outcome = _call(group.lane, block, clock, (job.numbers(lanes), inputs, carry, 0))
    seen = _host(outcome)
    return jax.tree.map(lambda a: a[0], seen.logged if timed else seen.final)


def _host(outcome: Outcome) -> Outcome:
    """The quantities of an outcome in the host's memory."""
    logged, final = jax.tree.map(_array, (outcome.logged, outcome.final))
    return Outcome(outcome.times, logged, final, None)


def _array(a: jax.Array) -> np.ndarray:
    # Files hold no bfloat16 and its like.
    return np.asarray(a if a.dtype.isbuiltin == 1 else a.astype(jnp.float32))


def joined(parts: list[Outcome]) -> Outcome:
    """Consecutive segments as one; final quantities are those of the last."""
    logged = jax.tree.map(
        lambda *several: np.concatenate(several, axis=1), *(p.logged for p in parts)
    )
    return Outcome(parts[-1].times, logged, parts[-1].final, None)


def cut(outcome: Outcome, legs: int) -> Outcome:
    """The first legs; a last segment may reach past the end."""
    logged = jax.tree.map(lambda a: a[:, :legs], outcome.logged)
    return Outcome(outcome.times, logged, outcome.final, None)


def only(outcome: Outcome, rows: Any) -> Outcome:
    """Some lanes of an outcome."""
    logged, final = jax.tree.map(lambda a: a[rows], (outcome.logged, outcome.final))
    return Outcome(outcome.times, logged, final, None)


def plain(carry: Carry | None) -> list[np.ndarray]:
    """A carry as plain arrays, keys included."""
    leaves = jax.tree.leaves(carry)
    return [np.asarray(jax.random.key_data(a) if is_key(a) else a) for a in leaves]


def restored(leaves: list[np.ndarray], like: Tree) -> Any:
    """The carry that `plain` took apart."""
    wanted, structure = jax.tree.flatten(like)
    made = [
        jax.random.wrap_key_data(jnp.asarray(a)) if is_key(w) else a.view(w.dtype)
        for a, w in zip(leaves, wanted, strict=True)
    ]
    return jax.tree.unflatten(structure, made)

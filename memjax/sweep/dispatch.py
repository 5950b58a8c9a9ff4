"""From a plan to outcomes: calls in sequence, kept as they finish."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.core import Carry, Tree
from memjax.sweep.engine import Outcome, carry_of, on_every_device, program
from memjax.sweep.grid import BadValue, Grid, Per
from memjax.sweep.identity import is_key
from memjax.sweep.plan import Block, Group
from memjax.sweep.progress import Silent
from memjax.sweep.store import Segments
from memjax.sweep.trace import Traced, abstract, trace


class Job(NamedTuple):
    """What is mapped over what."""

    run: Callable[..., Any]
    grid: Grid
    inputs: dict[str, Any]


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
    numbers = numbers_for(job, block.lanes)
    inputs = on_every_device(arrays_for(job))
    lane = traced(job, group.shapes, group.lanes)
    steps, total = max(1, group.price.steps), group.price.legs
    if block.legs is None:
        outcome = _call(lane, block, clock, (numbers, inputs, None, 0))
        clock.watch.advance(block.seconds, steps * block.real.sum())
        return outcome
    carry: Any = carry_of(lane, numbers, inputs)
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


def _call(lane: Traced, block: Block, clock: Clock, arguments: tuple) -> Outcome:
    arguments = (*arguments[:3], np.int32(arguments[3]))
    with clock.preparing():
        compiled = program(lane, block.chunk, block.legs, abstract(arguments))
    began = time.perf_counter()
    outcome = jax.block_until_ready(compiled(*arguments))
    clock.running += time.perf_counter() - began
    return outcome if block.legs else _host(outcome)


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


def numbers_for(job: Job, lanes: np.ndarray) -> dict[str, np.ndarray]:
    """The numbers of some lanes, and their places along axes that inputs follow."""
    positions = job.grid.positions()[lanes]
    values = {n: job.grid.column(n, positions) for n in job.grid.numbers}
    values["@lane"] = np.arange(len(lanes))  # so that there is always something to map
    for given in job.inputs.values():
        if isinstance(given, Per):
            dimension = list(job.grid.axes).index(given.axis)
            values[f"@{given.axis}"] = positions[:, dimension]
    return {name: host_array(v) for name, v in values.items()}


def traced(job: Job, shapes: dict[str, Any], lanes: np.ndarray) -> Traced:
    """The trace that lanes of these shapes share."""
    numbers = {n: a[0] for n, a in numbers_for(job, lanes[:1]).items()}
    return trace(job.run, shapes, numbers, arrays_for(job))


def arrays_for(job: Job) -> dict[str, Any]:
    """The inputs as arrays."""
    return jax.tree.map(host_array, job.inputs)


def host_array(a: Any) -> Any:
    """An array of the type that JAX gives it; numpy's stay in the host's memory.

    To convert them there compiles nothing.
    """
    if isinstance(a, jax.Array):
        return a
    a = np.asarray(a)
    return a.astype(jax.dtypes.result_type(a), copy=False)


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

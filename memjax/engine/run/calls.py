"""From a plan to outcomes: calls in sequence, kept as they finish."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from memjax.engine.asked.jaxprs import abstract
from memjax.engine.asked.parameters import BadValue
from memjax.engine.planned.group import Block, Group
from memjax.engine.planned.job import Job
from memjax.engine.planned.machines import Machine
from memjax.engine.planned.plan import Plan, halves
from memjax.engine.run.clock import Clock, Pace
from memjax.engine.run.mesh import on_every_device
from memjax.engine.run.outcome import (
    Outcome,
    Piece,
    cut,
    joined,
    on_host,
    only,
    plain,
    restored,
)
from memjax.engine.run.program import blank_carry, carry_like, program

LOOKING_UP = threading.Lock()  # so that threads find one program, not one each


class Segments(NamedTuple):
    """How far a block has come: legs done, what was logged, the state to go on from."""

    done: int
    outcome: Outcome
    state: list[np.ndarray]


class TooLarge(Exception):
    """What a device would have to hold for a block is more than it can."""


def run_plan(job: Job, plan: Plan, clock: Clock) -> list[Piece]:
    """What every block of a plan returns; one that is too large, in halves."""
    expect(plan.blocks, clock)
    pieces, left = [], list(plan.blocks)
    while left:
        block = left.pop(0)
        try:
            outcome = run_block(job, block, clock)
        except TooLarge:
            left = [*halves(block, job.machine), *left]
            continue
        pieces.append(Piece(block.lanes[block.real], only(outcome, block.real)))
    return pieces


def expect(blocks: Sequence[Block], clock: Clock) -> None:
    """Tell whoever watches what is to come."""
    seconds = sum(block.seconds for block in blocks)
    clock.watch.begin(seconds, len({block.group.lane for block in blocks}))


def run_block(
    job: Job,
    block: Block,
    clock: Clock,
    begun: Segments | None = None,
    keep: Callable[[Segments], None] | None = None,
) -> Outcome:
    """What the lanes of a block return, in the host's memory, copies included.

    Where they do not fit into memory, they run in smaller chunks on CPUs; elsewhere
    half of them are to be run at a time.
    """
    while True:
        try:
            return _walk_block(job, block, clock, begun, keep)
        except (jax.errors.JaxRuntimeError, TooLarge) as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            halved = job.machine.lanes is None
            lanes = len(block.lanes) // job.machine.devices if halved else block.chunk
            clock.note(too_large=lanes)
            if lanes == 1:
                problem = "one run at a time does not fit into memory"
                raise BadValue("chunk", problem) from error
            if halved:
                raise TooLarge(str(error)) from error
            block = block._replace(chunk=_smaller(block.chunk))


def _smaller(chunk: int) -> int:
    """The largest divisor of a chunk that is at most half of it."""
    return next(part for part in range(chunk // 2, 0, -1) if chunk % part == 0)


def _walk_block(
    job: Job,
    block: Block,
    clock: Clock,
    begun: Segments | None,
    keep: Callable[[Segments], None] | None,
) -> Outcome:
    """A block's outcome at its chunk size.

    Without `legs` it is one call. Otherwise each call walks so many legs, goes on from
    the state of the last one, and hands what it has to `keep`: on CPUs always, and else
    where the state is written in little of the time.
    """
    lane, machine, count = block.group.lane, job.machine, len(block.lanes)
    numbers, total = job.numbers(block.lanes), block.group.price.legs
    clock.watch.reach(lane)
    inputs = on_every_device(job.arrays, machine)
    steps = max(1, block.group.steps.mean())
    if block.legs is None:
        outcome = _call(job, block, clock, (numbers, inputs, None, 0))
        clock.watch.advance(block.seconds, steps * block.real.sum())
        return outcome
    carry: Any = blank_carry(lane, count, machine)
    first, seen = 0, []
    if begun is not None:
        first, seen = begun.done, [begun.outcome]
        carry = restored(begun.state, carry)
    pace = Pace(count * block.group.price.state_bytes)
    always = machine.lanes is not None
    for at in range(first, total, block.legs):
        outcome = _call(job, block, clock, (numbers, inputs, carry, at))
        carry, seen = outcome.carry, [joined([*seen, on_host(outcome)])]
        share = block.legs / total
        clock.watch.advance(share * block.seconds, share * steps * block.real.sum())
        if keep and at + block.legs < total and (always or pace.due()):
            with pace.writing():
                keep(Segments(at + block.legs, seen[0], plain(carry)))
    return cut(seen[0], total)


def _call(job: Job, block: Block, clock: Clock, arguments: tuple) -> Outcome:
    arguments = (*arguments[:3], np.int32(arguments[3]))
    with clock.preparing():
        compiled = program_of(job, block, arguments)
        check_room(compiled, job.machine)
    hand = len(block.lanes) // job.machine.devices
    clock.note(lanes=hand, **block.layout._asdict())
    began = time.perf_counter()
    outcome = jax.block_until_ready(compiled(*arguments))
    clock.running += time.perf_counter() - began
    return outcome if block.legs else on_host(outcome)


def program_of(job: Job, block: Block, arguments: tuple) -> Any:
    """The program that a block is a call of, with arguments of these types."""
    types = abstract(arguments)
    with LOOKING_UP:
        found = program(block.group.lane, block.layout, types, job.machine)
    return found.compiled(job)


def prepare(job: Job, block: Block) -> None:
    """Make the program of a block, which nothing is to be run of now."""
    lane, count = block.group.lane, len(block.lanes)
    carry = None if block.legs is None else carry_like(lane, count)
    numbers = job.numbers(block.lanes)
    program_of(job, block, (numbers, job.arrays, carry, np.int32(0)))


def check_room(compiled: Any, machine: Machine) -> None:
    """Refuse a program that needs more memory than its machine has for it."""
    if machine.memory is not None:
        told = compiled.memory_analysis()
        needed = told.argument_size_in_bytes + told.output_size_in_bytes
        needed += told.temp_size_in_bytes - told.alias_size_in_bytes
        if needed > machine.memory:
            raise TooLarge(f"RESOURCE_EXHAUSTED: {needed} of {machine.memory} bytes")


def first_legs(
    job: Job, group: Group, lane: int, legs: int, clock: Clock
) -> dict[str, Any]:
    """What one lane logs at its first so many times, or what it returns."""
    lanes = np.full(job.machine.devices, lane)
    timed = bool(group.lane.traced.parts)
    shape = (1, legs if timed else None, 0.0, job.machine.wave)
    block = Block(group, lanes, lanes == lane, *shape)
    carry: Any = blank_carry(group.lane, len(lanes), job.machine) if timed else None
    inputs = on_every_device(job.arrays, job.machine)
    outcome = _call(job, block, clock, (job.numbers(lanes), inputs, carry, 0))
    seen = on_host(outcome)
    return jax.tree.map(lambda a: a[0], seen.logged if timed else seen.final)

"""From a group of lanes to one compiled program, and its results."""

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from memjax.engine.asked.axes import Per
from memjax.engine.asked.jaxprs import uses
from memjax.engine.asked.lane import Lane
from memjax.engine.asked.trace import at_moment, with_room
from memjax.engine.planned.group import Layout
from memjax.engine.planned.job import Job
from memjax.engine.planned.machines import Machine
from memjax.engine.run import shelf
from memjax.engine.run.mesh import lane_mesh
from memjax.engine.run.outcome import Outcome
from memjax.lanes import Tree
from memjax.legs import Carry, Legs, arrive, depart, walk

LAPACK = frozenset(
    "cholesky lu qr geqrf householder_product eigh eig svd schur hessenberg "
    "tridiagonal_solve triangular_solve".split()
)


def mapped(lane: Callable, chunk: int, machine: Machine) -> Callable:
    """`lane` over lanes: devices side by side, chunks in sequence, a vmap inside.

    One program without collectives: no lane ever waits for another device.
    """

    def on_device(numbers: Tree, inputs: Tree, carry: Tree, first: Any) -> Outcome:
        def one(part: tuple) -> Outcome:
            return lane(part[0], inputs, part[1], first)

        def cut(a: jax.Array) -> jax.Array:
            return a.reshape(-1, chunk, *a.shape[1:])

        if machine.lanes is None and chunk == len(jax.tree.leaves(numbers)[0]):
            return jax.vmap(one)((numbers, carry))
        if chunk == 1:  # a vmap over one lane would only slow its products down
            return jax.lax.map(one, (numbers, carry))
        out = jax.lax.map(jax.vmap(one), jax.tree.map(cut, (numbers, carry)))
        return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), out)

    along, whole = P("lane"), P()
    return jax.shard_map(
        on_device,
        mesh=lane_mesh(machine),
        in_specs=(along, whole, along, whole),
        out_specs=along,
        check_vma=False,  # carries that start as constants would be refused
    )


@lru_cache(maxsize=64)
def program(
    lane: Lane, layout: Layout, arguments: tuple, machine: Machine
) -> "Program":
    """The program of a group; numbers are its arguments.

    There is one for what a lane computes, the layout and the types of the arguments.
    """
    return Program(lane, layout, arguments, machine)


class Program:
    """A program that is made once it is needed, or read where an earlier process has
    kept it: then nothing is mapped or lowered.

    Threads that need it wait for the first of them.
    """

    def __init__(self, *of: Any) -> None:
        self.of = of
        self._made: Any = None
        self._making = threading.Lock()

    def compiled(self, job: Job) -> Any:
        """The program, as it is called; what of that is XLA's is told to a job."""
        with self._making:
            if self._made is None:
                lane, *rest = self.of
                file = shelf.place(lane.fingerprint, *rest)
                with job.in_xla():
                    self._made = file and shelf.kept(file, *rest[1:])
                self._made = self._made or self._compiled(job, file)
            return self._made

    def _compiled(self, job: Job, file: Path | None) -> Any:
        lane, _, _, machine = self.of
        began = time.perf_counter()
        lowered = lower(*self.of)
        alone = shelf.anew() if file else nullcontext()
        with job.in_xla(), at_moment(lane.traced.moment), alone:
            made = lowered.compile(dict(machine.options))
        if file and time.perf_counter() - began >= shelf.least():
            shelf.keep(made, file)
        return made


def lower(lane: Lane, layout: Layout, arguments: tuple, machine: Machine) -> Any:
    """The program of a group as it is handed to the machine's compiler.

    Where the state of a segment is large it goes on in the memory of the last one.
    """
    chunk, legs, wave = layout
    on_cpu = machine.platform == "cpu"
    if on_cpu and any(uses(jaxpr, LAPACK) for jaxpr in lane.traced.jaxprs):
        # Batched LAPACK calls share their work with the threads that other devices
        # run on, and two devices that do so wait for each other forever (jaxlib 0.10).
        chunk = 1
    leaves, structure = arguments
    example = jax.tree.unflatten(structure, leaves)
    grid = mapped(partial(one_lane, lane, legs), chunk, machine)
    donated = () if on_cpu or legs is None else (2,)
    with at_moment(lane.traced.moment._replace(wide=wave)):
        return with_room(partial(jax.jit(grid, donate_argnums=donated).lower, *example))


def one_lane(
    lane: Lane,
    legs: int | None,
    numbers: dict[str, Any],
    inputs: dict[str, Any],
    carry: Carry | None,
    first: Any,
) -> Outcome:
    """One run, with what is its own picked from the inputs: all of it, or so many
    `legs` of it from leg `first` on.

    A segment sets the run up again from its numbers; what it does not need of that
    is dead code to the compiler.
    """
    given = {name: _pick(whole, numbers) for name, whole in inputs.items()}
    plain = {name: numbers[name] for name in lane.kinds.numbers}
    result = lane.traced.run(plain, given)
    if not isinstance(result, Legs):
        return Outcome((), {}, result, None)
    if carry is not None:
        fresh, begun = depart(result), carry
        carry = jax.lax.cond(first == 0, lambda: fresh, lambda: begun)
    carry, logged = walk(result, carry, first, legs)
    final = arrive(result, carry)
    return Outcome(lane.traced.times, logged, final, None if legs is None else carry)


def _pick(given: Any, numbers: dict[str, Any]) -> Any:
    """An input: as it is, or the entry of it that belongs to a lane."""
    if not isinstance(given, Per):
        return given
    return jax.tree.map(lambda a: a[numbers[f"@{given.axis}"]], given.tree)


def blank_carry(lane: Lane, count: int, machine: Machine) -> Carry:
    """A carry of so many lanes, for a first segment to go on from.

    On an accelerator it is made there: nothing of that size is sent.
    """
    if machine.lanes is not None:
        return _blanks(lane, count, np.zeros)
    place = NamedSharding(lane_mesh(machine), P("lane"))
    return jax.jit(partial(_blanks, lane, count), out_shardings=place)()


def carry_like(lane: Lane, count: int) -> Carry:
    """The types of a carry of so many lanes."""
    return jax.eval_shape(partial(_blanks, lane, count))


def _blanks(lane: Lane, count: int, zeros: Callable = jnp.zeros) -> Carry:
    state: list[Any] = [v.aval for v in lane.traced.parts["step"].jaxpr.outvars]
    one: Any = Carry(state, jnp.zeros((), jnp.int32))
    return jax.tree.map(partial(_blank, zeros, count), one)


def _blank(zeros: Callable, count: int, like: Any) -> jax.Array | np.ndarray:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), (count, *like.shape))
    return zeros((count, *like.shape), like.dtype)

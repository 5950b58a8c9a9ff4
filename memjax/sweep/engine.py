"""From a group of lanes to one compiled program, and its results."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding
from jax.sharding import PartitionSpec as P

from memjax.core import Carry, Legs, Tree, arrive, depart, walk
from memjax.sweep.devices import lane_mesh
from memjax.sweep.price import uses
from memjax.sweep.trace import Traced, uncollected

LEVEL = "xla_backend_optimization_level"
LAPACK = frozenset(
    "cholesky lu qr geqrf householder_product eigh eig svd schur hessenberg "
    "tridiagonal_solve triangular_solve".split()
)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["logged", "final", "carry"],
    meta_fields=["times"],
)
@dataclass(frozen=True)
class Outcome:
    """What lanes returned: quantities logged at `times`, and final ones."""

    times: tuple[int, ...]
    logged: dict[str, Any]  # [lanes, legs, ...]
    final: dict[str, Any]  # [lanes, ...]
    carry: Carry | None  # where the next segment goes on


def one_lane(
    lane: Traced,
    legs: int | None,
    numbers: dict[str, Any],
    inputs: dict[str, Any],
    carry: Carry | None,
    first: Any,
) -> Outcome:
    """One run: all of it, or so many `legs` of it from leg `first` on.

    A segment sets the run up again from its numbers; what it does not need of that is
    dead code to the compiler.
    """
    result = lane.run(numbers, inputs)
    if not isinstance(result, Legs):
        return Outcome((), {}, result, None)
    if carry is not None:
        fresh, begun = depart(result), carry
        carry = jax.lax.cond(first == 0, lambda: fresh, lambda: begun)
    carry, logged = walk(result, carry, first, legs)
    final = arrive(result, carry)
    return Outcome(result.times, logged, final, None if legs is None else carry)


def carry_of(lane: Traced, numbers: dict[str, Any], inputs: dict[str, Any]) -> Carry:
    """A blank carry for lanes with these numbers, for a first segment to go on from."""
    lanes = jax.vmap(lambda n: depart(lane.run(n, inputs)))
    return jax.tree.map(_blank, jax.eval_shape(lanes, numbers))


def _blank(like: Any) -> jax.Array | np.ndarray:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), like.shape)
    return np.zeros(like.shape, like.dtype)


def on_every_device(inputs: Tree) -> Tree:
    """Inputs where the lanes run, so that all segments find them there."""
    return jax.device_put(inputs, NamedSharding(lane_mesh(), P()))


def mapped(lane: Callable, chunk: int) -> Callable:
    """`lane` over lanes: devices side by side, chunks in sequence, a vmap inside.

    One program without collectives: no lane ever waits for another device.
    """

    def on_device(numbers: Tree, inputs: Tree, carry: Tree, first: Any) -> Outcome:
        def one(part: tuple) -> Outcome:
            return lane(part[0], inputs, part[1], first)

        def cut(a: jax.Array) -> jax.Array:
            return a.reshape(-1, chunk, *a.shape[1:])

        if chunk == 1:  # a vmap over one lane would only slow its products down
            return jax.lax.map(one, (numbers, carry))
        out = jax.lax.map(jax.vmap(one), jax.tree.map(cut, (numbers, carry)))
        return jax.tree.map(lambda a: a.reshape(-1, *a.shape[2:]), out)

    along, whole = P("lane"), P()
    return jax.shard_map(
        on_device,
        mesh=lane_mesh(),
        in_specs=(along, whole, along, whole),
        out_specs=along,
        check_vma=False,  # carries that start as constants would be refused
    )


@lru_cache(maxsize=64)
def program(lane: Traced, chunk: int, legs: int | None, arguments: tuple) -> Any:
    """The compiled program of a group; numbers are its arguments.

    It is made once for a lane's trace, the layout and the shapes of the arguments.
    """
    if jax.default_backend() == "cpu" and any(
        uses(jaxpr, LAPACK) for jaxpr in lane.jaxprs
    ):
        # Batched LAPACK calls share their work with the threads that other devices
        # run on, and two devices that do so wait for each other forever (jaxlib 0.10).
        chunk = 1
    leaves, structure = arguments
    example = jax.tree.unflatten(structure, leaves)
    grid = mapped(partial(one_lane, lane, legs), chunk)
    with uncollected():
        return jax.jit(grid).lower(*example).compile(_options())


def _options() -> dict[str, Any] | None:
    """How to compile for a CPU: at LLVM's second level of three.

    It takes half the time, and the programs run as fast: their products are XLA's
    kernels, not LLVM's loops. A level in the user's own flags stays.
    """
    chosen = LEVEL in os.environ.get("XLA_FLAGS", "")
    return None if chosen or jax.default_backend() != "cpu" else {LEVEL: 2}

"""From a group of lanes to one compiled program, and its results."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import PartitionSpec as P

from memjax.core import Carry, Legs, Named, Tree, arrive, depart, walk
from memjax.sweep.devices import lane_mesh
from memjax.sweep.grid import BadValue, Per
from memjax.sweep.identity import code_of, digest
from memjax.sweep.price import uses
from memjax.sweep.provenance import numerics

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


def start(
    run: Callable,
    shapes: dict[str, Any],
    numbers: dict[str, Any],
    inputs: dict[str, Any],
) -> Any:
    """What a run returns for its numbers and, of each input, its own part."""
    handed = {name: _pick(given, numbers) for name, given in inputs.items()}
    plain = {name: n for name, n in numbers.items() if not name.startswith("@")}
    return run(**plain, **handed, **shapes)


def _pick(given: Any, numbers: dict[str, Any]) -> Any:
    if not isinstance(given, Per):
        return given
    return jax.tree.map(lambda a: a[numbers[f"@{given.axis}"]], given.tree)


def one_lane(
    run: Callable,
    shapes: dict[str, Any],
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
    result = start(run, shapes, numbers, inputs)
    taken = {*numbers, *inputs, *shapes, "step", "status"}
    if not isinstance(result, Legs):
        return Outcome((), {}, _quantities(run, result, taken), None)
    if carry is not None:
        fresh, begun = depart(result), carry
        carry = jax.lax.cond(first == 0, lambda: fresh, lambda: begun)
    carry, logged = walk(result, carry, first, legs)
    final = arrive(result, carry)
    _quantities(run, logged, {*taken, "diverged_at"})
    _quantities(run, final, taken)
    return Outcome(result.times, logged, final, None if legs is None else carry)


def carry_of(
    run: Callable,
    shapes: dict[str, Any],
    numbers: dict[str, Any],
    inputs: dict[str, Any],
) -> Carry:
    """A blank carry for lanes with these numbers, for a first segment to go on from."""
    lanes = jax.vmap(lambda n: depart(start(run, shapes, n, inputs)))
    return jax.tree.map(_blank, jax.eval_shape(lanes, numbers))


def _blank(like: Any) -> jax.Array:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), like.shape)
    return jnp.zeros(like.shape, like.dtype)


def _quantities(run: Callable, result: Any, taken: set[str]) -> dict[str, Any]:
    """Named arrays, whose names and dimensions are not those of axes."""
    name = run.__name__
    if not isinstance(result, dict) or not result:
        found = "an empty dict" if isinstance(result, dict) else type(result).__name__
        raise TypeError(
            f"{name} must return a dict of named quantities, or Legs that observe one, "
            f"such as {{'loss': value}}; got {found}"
        )
    for key, value in result.items():
        if len(jax.tree.leaves(value)) != 1 or isinstance(value, dict | list | tuple):
            found = type(value).__name__
            raise TypeError(f"{name}: {key} must be one array, got a {found}")
        dims = [d for d, _ in value.axes] if isinstance(value, Named) else []
        for word in (key, *(d for d in dims if d != "step")):
            if word in taken:
                raise BadValue(word, f"is taken; {name} must name {key} otherwise")
    return result


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


def program(
    run: Callable, shapes: tuple, chunk: int, legs: int | None, arguments: tuple
) -> Any:
    """The compiled program of a group; numbers are its arguments.

    It is made once for a run and the values it names, its shapes, the layout and JAX's
    numeric settings.
    """
    settings = (digest(code_of(run)), *numerics().items())
    return _program(run, shapes, chunk, legs, arguments, settings)


@lru_cache(maxsize=64)
def _program(
    run: Callable,
    shapes: tuple,
    chunk: int,
    legs: int | None,
    arguments: tuple,
    settings: tuple,
) -> Any:
    lane = partial(one_lane, run, dict(shapes), legs)
    leaves, structure = arguments
    example = jax.tree.unflatten(structure, leaves)
    traced = jax.jit(mapped(lane, chunk)).trace(*example)
    if (
        chunk > 1
        and jax.default_backend() == "cpu"
        and uses(traced.jaxpr.jaxpr, LAPACK)
    ):
        # Batched LAPACK calls share their work with the threads that other devices
        # run on, and two devices that do so wait for each other forever (jaxlib 0.10).
        traced = jax.jit(mapped(lane, 1)).trace(*example)
    return traced.lower().compile()


def abstract(tree: Tree) -> tuple:
    """Shapes and types of arguments, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves), structure


def numbers_of(values: dict[str, np.ndarray]) -> dict[str, jax.Array]:
    """Columns of numbers as arrays of JAX's default precision."""
    return {name: jnp.asarray(v) for name, v in values.items()}

"""Lanes side by side: how a run that is mapped over them sums over rows, and draws."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, Var, jaxpr_as_fun
from jax.flatten_util import ravel_pytree

Tree = Any  # any pytree of arrays

# How many row tiles of all lanes are walked side by side where a run is mapped over
# lanes. 0, as on CPUs: each lane walks its own, and draws, for itself.
wide = jax.make_user_context(0)


def lane_by_lane(draw: Callable) -> Callable:
    """`draw`, done for one lane after another under a `vmap`, but where lanes are wide.

    On a CPU draws take longer to compile under a `vmap` than training does.
    """
    apart = jax.custom_batching.sequential_vmap(draw)
    return lambda *given: (draw if wide.value else apart)(*given)


def inner_jaxprs(parameters: Any) -> list[Jaxpr]:
    """The traces among the parameters of an equation."""
    found: list[Jaxpr] = []
    for p in parameters.values() if isinstance(parameters, dict) else parameters:
        if isinstance(p, ClosedJaxpr):
            found.append(p.jaxpr)
        elif isinstance(p, Jaxpr):
            found.append(p)
        elif isinstance(p, list | tuple | dict):
            found += inner_jaxprs(p)
    return found


def products(jaxpr: Jaxpr, own: list[bool]) -> int:
    """How many numbers the matrix products of a trace make of those that are its `own`.

    What depends on none of these, a `vmap` over them makes once for all.
    """
    theirs, total = {v for v, it in zip(jaxpr.invars, own, strict=True) if it}, 0
    for equation in jaxpr.eqns:
        given = [isinstance(v, Var) and v in theirs for v in equation.invars]
        if not any(given):
            continue
        theirs.update(equation.outvars)
        made: list[Any] = [v.aval for v in equation.outvars]
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            total += made[0].size
        for inner in inner_jaxprs(equation.params):
            same = len(inner.invars) == len(given)
            known = given if same else [True] * len(inner.invars)
            total += equation.params.get("length", 1) * products(inner, known)
    return total


def is_zero(tangent: Any) -> bool:
    return type(tangent) is jax.custom_derivatives.SymbolicZero


def walk_tiles(
    f: Callable, like: Any, rows: int, given: Any, tiles: Any, live: jax.Array
) -> Any:
    """The sum of `f(given, tile)` over the tiles of the first `live` rows, in turn.

    It is `like` what is told.
    """
    first_of(tiles)

    def at(i: Any) -> Any:
        return jax.tree.map(lambda a: a[i], tiles)

    def add(i: Any, total: Any) -> Any:
        return jax.tree.map(jnp.add, total, f(given, at(i)))

    zero = blank(like)
    return jax.lax.fori_loop(0, -(-live // rows), add, zero)


def first_of(parts: Any) -> Any:
    """The first of some tiles.

    Traces by which results are recognized hold it where nothing needs it any more.
    """
    return jax.tree.map(lambda a: a[0], parts)


def blank(like: Any) -> Any:
    """What a sum over nothing is."""
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), like)


def waves(f: Callable, rows: int, given: Any, tiles: Any) -> Callable:
    """The walk of one lane; of many, their live tiles side by side, in waves.

    A `vmap` of the loop would walk as many tiles for every lane as for the longest.
    """
    trace, kind = jax.make_jaxpr(f, return_shape=True)(given, first_of(tiles))
    structure = jax.tree.structure(kind)

    def pure(given: tuple[list, Any], part: Any) -> Any:
        """`f`, with all that it closes over among what it is given."""
        flat = jaxpr_as_fun(ClosedJaxpr(trace.jaxpr, given[0]))
        return jax.tree.unflatten(structure, flat(*jax.tree.leaves((given[1], part))))

    @jax.custom_batching.custom_vmap
    def over(given: tuple[list, Any], tiles: Any, live: jax.Array) -> Any:
        return walk_tiles(pure, kind, rows, given, tiles, live)

    @over.def_vmap
    def rule(lanes: int, batched: list, *handed: Any) -> tuple[Any, Any]:
        totals = _all_lanes(pure, rows, lanes, batched, *handed)
        return totals, jax.tree.map(lambda _: True, totals)

    total = jax.custom_jvp(over)
    total.defjvp(partial(_moved, pure, rows), symbolic_zeros=True)
    return lambda given, *rest: total((list(trace.consts), given), *rest)


def _moved(f: Callable, rows: int, primals: tuple, tangents: tuple) -> Any:
    """The derivative of a walk is the walk of the derivative."""
    (given, tiles, live), (given_moved, tiles_moved, _) = primals, tangents
    moved = jax.tree.leaves((given_moved, tiles_moved), is_leaf=is_zero)
    which = [i for i, t in enumerate(moved) if not is_zero(t)]

    def both(given: tuple, part: tuple) -> tuple:
        leaves, structure = jax.tree.flatten((given[0], part[0]))

        def at(moving: list) -> Any:
            changed = dict(zip(which, moving, strict=True))
            kept = [changed.get(i, a) for i, a in enumerate(leaves)]
            return f(*jax.tree.unflatten(structure, kept))

        return jax.jvp(at, ([leaves[i] for i in which],), ([*given[1], *part[1]],))

    def moving(tree: Any) -> list:
        leaves = jax.tree.leaves(tree, is_leaf=is_zero)
        return [t for t in leaves if not is_zero(t)]

    whole = (given, moving(given_moved)), (tiles, moving(tiles_moved))
    return waves(both, rows, *whole)(*whole, live)


def _all_lanes(
    f: Callable,
    rows: int,
    lanes: int,
    batched: list,
    given: Any,
    tiles: Any,
    live: jax.Array,
) -> Any:
    """The sums of all lanes, over waves of pairs of a lane and one of its tiles."""
    given_own, tiles_own, _ = batched
    each = jax.tree.leaves(tiles)[0].shape[int(jax.tree.leaves(tiles_own)[0])]
    live = jnp.broadcast_to(-(-live // rows), (lanes,))
    ends = jnp.cumsum(jnp.maximum(live, 1))  # so that a wave skips no lane
    side = min(wide.value, lanes * each)  # pairs of a wave
    axes = jax.tree.map(lambda own: 0 if own else None, given_own)

    def wave(k: Any, totals: jax.Array) -> jax.Array:
        slot = k * side + jnp.arange(side)
        lane = jnp.sum(slot[:, None] >= ends[None, :], axis=1)
        lane = jnp.minimum(lane, lanes - 1)
        tile = jnp.clip(slot - jnp.pad(ends, (1, 0))[lane], 0, each - 1)
        part = jax.tree.map(
            lambda a, own: a[lane, tile] if own else a[tile], tiles, tiles_own
        )
        found = jax.vmap(lambda g, p: ravel_pytree(f(g, p))[0], (axes, 0))(
            _of_lane(lane, given, given_own), part
        )
        weighs = (slot < ends[-1]) & (tile < live[lane])
        sums = _summed_up(jnp.where(weighs[:, None], found, 0), lane, each)
        return _added(totals, sums, lane, ends - 1 - slot[0])

    one = _of_lane(0, given, given_own)
    made = jax.eval_shape(f, one, first_of(_of_lane(0, tiles, tiles_own)))
    flat, whole = ravel_pytree(blank(made))
    totals = jnp.zeros((lanes + side, *flat.shape), flat.dtype)  # as far as waves reach
    if side == lanes * each:
        totals = wave(0, totals)
    else:
        totals = jax.lax.fori_loop(0, -(-ends[-1] // side), wave, totals)
    return jax.vmap(whole)(totals[:lanes])


def _added(
    totals: jax.Array, sums: jax.Array, lane: jax.Array, last: jax.Array
) -> jax.Array:
    """Totals of lanes with those of a wave, whose sums stand in its `last` rows."""
    side = len(lane)
    reached = lane[0] + jnp.arange(side)
    row = jnp.clip(last[jnp.minimum(reached, len(last) - 1)], 0, side - 1)
    more = jnp.where((reached <= lane[-1])[:, None], sums[row], 0)
    before = jax.lax.dynamic_slice_in_dim(totals, lane[0], side)
    return jax.lax.dynamic_update_slice_in_dim(totals, before + more, lane[0], 0)


def _of_lane(lane: Any, tree: Any, own: Any) -> Any:
    """What some lanes have, of what they have in common and of their own."""
    return jax.tree.map(lambda a, differs: a[lane] if differs else a, tree, own)


def _summed_up(found: jax.Array, lane: jax.Array, most: int) -> jax.Array:
    """For each row, the sum of its lane's rows up to it, of which there are `most`.

    In doubling strides, so that what is no number in one lane stays there.
    """
    stride = 1
    while stride < min(most, len(lane)):
        same = jnp.pad(lane[:-stride] == lane[stride:], (stride, 0))
        earlier = jnp.pad(found[:-stride], ((stride, 0), (0, 0)))
        found = jnp.where(same[:, None], found + earlier, found)
        stride *= 2
    return found

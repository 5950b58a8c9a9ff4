"""A dataset is a weighted measure; a model acts on one point; `expect` integrates."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from memjax.lanes import (
    Tree,
    blank,
    first_of,
    is_zero,
    products,
    walk_tiles,
    waves,
    wide,
)

TILE = 512  # rows that `expect` evaluates at once; their activations stay in cache
HEAVY = 2**12  # numbers that products make of a point of which a tile is too many
IN_CACHE = 2**19  # numbers that they make of all points evaluated at once, then


class Data(NamedTuple):
    """A weighted empirical measure: points `(x[i], y[i])` with weights `w[i]`.

    The weights sum to one. A row of weight zero is padding: a real draw that no
    integral sees.
    """

    x: Tree  # [n, ...]
    y: Tree  # [n, ...]
    w: jax.Array  # [n]


def prefix(size: Any, capacity: int) -> jax.Array:
    """The weights of the first `size` of `capacity` points, `1/size` each.

    `size` may be traced, so one program serves every train size. The weights are NaN
    where it is not 1 … capacity: no points, or fewer than were asked for.
    """
    share = jnp.where((size >= 1) & (size <= capacity), jnp.divide(1.0, size), jnp.nan)
    return jnp.where(jnp.arange(capacity) < size, share, 0 * share)  # [capacity]


def packed(data: Data) -> Data:
    """The same measure, rows of weight zero last, where `expect` does not go."""
    order = jnp.argsort(data.w == 0, stable=True)
    return jax.tree.map(lambda a: a[order], data)


def entry(table: jax.Array, index: jax.Array) -> jax.Array:
    """The rows of `table` at whole numbers; NaN for a number that is no row's."""
    at = table.at[index]
    return at.get(mode="fill", fill_value=jnp.nan, wrap_negative_indices=False)


class Model(NamedTuple):
    """A model of one point: `init(key, scale)` and `apply(params, x)`."""

    init: Callable[..., Tree]
    apply: Callable[..., Any]


def expect(f: Callable[..., Any], data: Data) -> Any:
    """The integral of `f(x, y)`, written for ONE point, over the measure `data`.

    `f` may return a number, an array or a tree of them, and may close over anything.
    Beyond one tile of rows the sum walks the tiles that carry weight, and their number
    is traced: rows of weight zero at the end cost nothing, whatever the capacity.
    `jax.grad` keeps the tiles (each is differentiated on its own, so that no
    activation outlives it), and so do `jvp` and forward-over-reverse Hessians. The
    gradient in the data themselves, or of an `f` that is not a number, is taken
    untiled. Where a point is as much work as a sequence is to a transformer, a tile is
    walked in parts that stay in a processor's cache.
    """
    first_point = jax.tree.map(lambda a: a[0], (data.x, data.y))
    trace, value = jax.make_jaxpr(f, return_shape=True)(*first_point)
    places = [i for i, c in enumerate(trace.consts) if _may_move(c)]
    closed_over, structure = (
        [trace.consts[i] for i in places],
        jax.tree.structure(value),
    )

    def integral(closed_over: list, part: Data) -> Any:
        moved = dict(zip(places, closed_over, strict=True))
        constants = [moved.get(i, c) for i, c in enumerate(trace.consts)]
        each = jax.vmap(jaxpr_as_fun(ClosedJaxpr(trace.jaxpr, constants)))
        values = jax.tree.unflatten(structure, each(*jax.tree.leaves((part.x, part.y))))
        return jax.tree.map(partial(_weighted_sum, part.w), values)

    few = TILE if wide.value else at_once(trace.jaxpr)
    like = jax.eval_shape(_constant, data.w, value)
    if few < min(len(data.w), TILE):
        integral = _walked(integral, like, partial(_over_parts, few))
    if len(data.w) <= TILE:
        return integral(closed_over, data)
    return _walked(integral, like, _over_tiles)(closed_over, data)


def _may_move(constant: Any) -> bool:
    """Whether something may be differentiated by what `f` closes over."""
    is_traced = isinstance(constant, jax.core.Tracer)
    return is_traced and jnp.issubdtype(constant.dtype, jnp.inexact)


def at_once(trace: Jaxpr) -> int:
    """How many points are evaluated at once: a tile, or a power of two that is less."""
    made = products(trace, [True] * len(trace.invars))
    return TILE if made <= HEAVY else 2 ** max(0, (IN_CACHE // made).bit_length() - 1)


def _constant(w: jax.Array, value: Tree) -> Tree:
    """The integral of what is the same at every point."""
    values = jax.vmap(lambda _: value)(w)
    return jax.tree.map(partial(_weighted_sum, w), values)


def _weighted_sum(w: jax.Array, values: jax.Array) -> jax.Array:
    return jnp.sum(w.reshape(-1, *[1] * (values.ndim - 1)) * values, axis=0)


def _walked(integral: Callable, like: Tree, over: Callable) -> Callable:
    """`integral(closed_over, data)`, part by part, and so under differentiation.

    What it is `like` is told, for to find that out is to trace it once more.
    """

    @jax.custom_jvp
    def total(closed_over: list, data: Data) -> Any:
        return over(integral, like, closed_over, data)

    def derivative(primals: tuple, tangents: tuple) -> tuple:
        (closed_over, data), (moved, moved_data) = primals, tangents
        outputs = jax.tree.leaves(like)
        is_number = len(outputs) == 1 and outputs[0].shape == ()
        data_fixed = all(map(is_zero, jax.tree.leaves(moved_data, is_leaf=is_zero)))
        if not (is_number and data_fixed):
            return jax.jvp(integral, primals, _dense(tangents))
        both = jax.value_and_grad(integral)
        value, slopes = over(both, (like, closed_over), closed_over, data)
        pairs = zip(slopes, moved, strict=True)
        return value, sum(jnp.vdot(s, m) for s, m in pairs if not is_zero(m))

    total.defjvp(derivative, symbolic_zeros=True)
    return total


def _over_tiles(f: Callable, like: Tree, closed_over: list, data: Data) -> Any:
    """The sum of `f(closed_over, part)` over the row tiles that carry weight."""
    tiles, rows = _cut(data, TILE), len(data.w)
    live = jnp.max(jnp.where(data.w != 0, jnp.arange(1, rows + 1), 0))
    if wide.value:
        return waves(f, TILE, closed_over, tiles)(closed_over, tiles, live)
    return walk_tiles(f, like, TILE, closed_over, tiles, live)


def _over_parts(
    few: int, f: Callable, like: Tree, closed_over: list, data: Data
) -> Any:
    """The sum of `f(closed_over, part)` over all parts of so `few` rows."""
    parts = _cut(data, few)
    first_of(parts)
    zero = blank(like)

    def add(total: Any, part: Data) -> tuple[Any, None]:
        return jax.tree.map(jnp.add, total, f(closed_over, part)), None

    return jax.lax.scan(add, zero, parts)[0]


def _cut(data: Data, rows: int) -> Data:
    """The measure in pieces of so many rows [pieces, rows, ...], the last one filled.

    What fills it are points of weight zero.
    """
    spare = -len(data.w) % rows

    def cut(a: jax.Array) -> jax.Array:
        return jnp.concatenate([a, a[:spare]]).reshape(-1, rows, *a.shape[1:])

    w = jnp.pad(data.w, (0, spare)).reshape(-1, rows)
    return Data(jax.tree.map(cut, data.x), jax.tree.map(cut, data.y), w)


def _dense(tangents: Any) -> Any:
    def dense(t: Any) -> Any:
        return jnp.zeros(t.shape, t.dtype) if is_zero(t) else t

    return jax.tree.map(dense, tangents, is_leaf=is_zero)

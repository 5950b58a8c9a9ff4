"""A dataset is a weighted measure, a model acts on one point, a run walks legs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr

from memjax.lanes import blank, first_of, is_zero, products, walk_tiles, waves, wide
from memjax.lanes import lane_by_lane as lane_by_lane

Tree = Any  # any pytree of arrays
Times = tuple[int, ...] | jax.Array  # static; or traced, a static number of them
LEGS = 40  # times at which a run of a traced number of steps is observed
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


# --- the integral -------------------------------------------------------------------


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
    pure, closed_over = jax.closure_convert(f, *first_point)

    def integral(closed_over: list, part: Data) -> Any:
        values = jax.vmap(lambda x, y: pure(x, y, *closed_over))(part.x, part.y)
        return jax.tree.map(partial(_weighted_sum, part.w), values)

    trace = jax.make_jaxpr(pure, return_shape=True)
    whole, value = trace(*first_point, *closed_over)
    few = TILE if wide.value else at_once(whole.jaxpr, len(closed_over))
    like = jax.eval_shape(_constant, data.w, value)
    if few < min(len(data.w), TILE):
        integral = _walked(integral, like, partial(_over_parts, few))
    if len(data.w) <= TILE:
        return integral(closed_over, data)
    return _walked(integral, like, _over_tiles)(closed_over, data)


def at_once(trace: Jaxpr, closed_over: int) -> int:
    """How many points are evaluated at once: a tile, or a power of two that is less."""
    of_point = len(trace.invars) - closed_over
    made = products(trace, [i < of_point for i in range(len(trace.invars))])
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


# --- named quantities ---------------------------------------------------------------


@partial(jax.tree_util.register_dataclass, data_fields=["value"], meta_fields=["axes"])
@dataclass(frozen=True)
class Named:
    """An array whose last axes have names and labels; see `named`."""

    value: jax.Array
    axes: tuple[tuple[str, tuple | None], ...]


def named(value: jax.Array, *dims: str, coords: Any = None) -> Named:
    """`value` with names for its last axes: `named(p, "eigen", coords=range(1, 15))`.

    The names become dimensions of a sweep's results. `coords` are the labels along the
    axes: a sequence for one axis, a dict from names to sequences for several. Names and
    labels are static, so the result passes through `jit`, `scan` and `vmap`.
    """
    if not dims or len(dims) > jnp.ndim(value):
        shape = jnp.shape(value)
        raise ValueError(f"{len(dims)} names {dims} for an array of shape {shape}")
    labels = coords if isinstance(coords, dict) else {dims[0]: coords}
    if coords is not None and not isinstance(coords, dict) and len(dims) > 1:
        raise ValueError(f"coords for {dims} must be a dict from name to labels")
    for name, length in zip(dims, jnp.shape(value)[-len(dims) :], strict=True):
        if labels.get(name) is not None and len(labels[name]) != length:
            found = len(labels[name])
            raise ValueError(f"{found} labels for {name}, which has length {length}")
    return Named(value, tuple((d, _hashable(labels.get(d))) for d in dims))


def _hashable(labels: Sequence | None) -> tuple | None:
    return None if labels is None else tuple(np.asarray(labels).tolist())


# --- runs that take time ------------------------------------------------------------


class Legs(NamedTuple):
    """A run in time: where it starts, one step of it, and what to observe when.

    Whoever holds the legs walks them (`walk`, or a sweep), so a run can be cut into
    segments, watched and resumed without a word about it in the run.
    """

    start: Tree
    step: Callable[[Tree, Any], Tree]  # state, t -> state after step t
    observe: Callable[[Tree], dict]
    times: Times
    finish: Callable[[Tree], dict]  # observed at the last time only
    check: Callable[[Tree], Tree]  # the part of the state that must stay finite
    keep: Callable[[Tree], Tree]  # the part of it that a snapshot holds

    def advance(self, state: Tree, k: Any) -> Tree:
        """The state at `times[k]`, from that at `times[k - 1]`; `k` may be traced."""
        begin, end = _bounds(self.times)
        k = jnp.minimum(k, len(self.times))  # past the last time the run stands still
        stride = _stride(self.times) if wide.value else 1
        if stride == 1:
            step = lambda t, s: self.step(s, t)  # noqa: E731
            return jax.lax.fori_loop(begin[k], end[k], step, state)

        def stretch(i: Any, state: Tree) -> Tree:
            now = begin[k] + i * stride
            step = lambda t, s: self.step(s, now + t)  # noqa: E731
            return jax.lax.fori_loop(0, stride, step, state)

        return jax.lax.fori_loop(0, (end[k] - begin[k]) // stride, stretch, state)


def _stride(times: Times) -> int:
    """A number of steps that divides every leg.

    An accelerator waits for the host before each step of a loop of unknown length.
    """
    fixed = isinstance(times, tuple) and len(times) > 1
    return int(np.gcd.reduce(np.diff(times))) if fixed else 1


def _bounds(times: Times) -> tuple[jax.Array, jax.Array]:
    """Where each leg begins and ends, and one more that stands still."""
    if isinstance(times, tuple):
        return jnp.array((0, *times)), jnp.array((*times, times[-1]))
    return jnp.pad(times, (1, 0)), jnp.append(times, times[-1])


def iterate(
    start: Tree,
    step: Callable[[Tree, Any], Tree],
    observe: Callable[[Tree], dict],
    times: Any,
    *,
    finish: Callable[[Tree], dict] = lambda state: {},
    check: Callable[[Tree], Tree] = lambda state: state,
    keep: Callable[[Tree], Tree] = lambda state: state,
) -> Legs:
    """The legs of `state = step(state, t)`, observed at `times` (see `logged`).

    `finish(state)` is observed once, at the end. A run has diverged when an array of
    `check(state)` holds a NaN or an infinity at a logged time. Snapshots of the run
    hold `keep(state)`.
    """
    return Legs(start, step, observe, logged(times), finish, check, keep)


def logged(times: Any) -> Times:
    """Logging times: given ones, or about 40 log-spaced ones up to a step.

    A traced step gives `LEGS` traced times, of which the first may be equal, so that
    runs of any length are one program. Given traced times never fall: one that is less
    than the one before is that one.
    """
    if isinstance(times, jax.core.Tracer):
        given = times if times.ndim else _spaced(times)
        if not jnp.issubdtype(given.dtype, jnp.integer):
            raise ValueError(
                f"times must be whole numbers, got {given.dtype}; round them"
            )
        return jax.lax.cummax(given.astype(jnp.int32))
    if isinstance(times, int | np.integer):
        times = spaced(40, int(times)) if times else (0,)
    if any(isinstance(t, jax.core.Tracer) for t in times):
        raise ValueError("some times are traced: hand all of them in one jnp array")
    whole = tuple(int(t) for t in times)
    increasing = whole[:1] == (0,) and list(whole) == sorted(set(whole))
    if not increasing or whole != tuple(times):
        raise ValueError(
            f"times must be whole and increase strictly from 0, got {tuple(times)[:8]}"
        )
    return whole


def _spaced(last: jax.Array) -> jax.Array:
    """0, and steps from 1 to a traced one, each about as many times the one before."""
    rising = jnp.linspace(0, 1, LEGS - 1) * jnp.log(jnp.maximum(last, 1))
    steps = jnp.round(jnp.exp(rising)).astype(jnp.int32)
    return jnp.pad(steps, (1, 0)).at[-1].set(last.astype(jnp.int32))


def every(interval: int, steps: int) -> tuple[int, ...]:
    """The times 0, interval, 2 interval, … and `steps` itself."""
    if isinstance(steps, jax.core.Tracer):
        raise ValueError("a traced number of steps goes to train or iterate as it is")
    if interval < 1 or steps < 0:
        raise ValueError(f"every {interval} of {steps} steps is no time")
    return tuple(sorted({*range(0, steps + 1, interval), steps}))


def spaced(count: int, steps: int, late: int = 0) -> tuple[int, ...]:
    """Log-spaced times from 0 to `steps`, at most `count` of them and 0.

    With `late` even ones over the last quarter, to average what still jitters there.
    """
    if steps < 1:
        raise ValueError(f"{steps} steps have no times")
    wanted = [*np.geomspace(1, steps, count), *np.linspace(0.75 * steps, steps, late)]
    return tuple(sorted({0, *np.round(wanted).astype(int).tolist()}))


class Carry(NamedTuple):
    """What a walk takes from one leg to the next."""

    state: Tree
    diverged_at: jax.Array  # the logged step at which the run left, -1 while sound


def depart(legs: Legs) -> Carry:
    """The carry of a walk that has not begun."""
    return Carry(legs.start, jnp.int32(-1))


def walk(
    legs: Legs, carry: Carry | None = None, first: Any = 0, count: int | None = None
) -> tuple[Carry, dict]:
    """The walk over `count` legs from leg `first` on, and what was seen, stacked.

    From the first logged time at which the run is not finite, every floating quantity
    is NaN. Legs past the last one stand still, so that segments may be equally long.
    Where the times are traced, they are seen as `step`.
    """
    times = jnp.array(legs.times, jnp.int32)

    def leg(carry: Carry, k: Any) -> tuple[Carry, dict]:
        state = legs.advance(carry.state, k)
        left = (carry.diverged_at < 0) & ~_finite(legs.check(state))
        carry = Carry(state, jnp.where(left, times[k], carry.diverged_at))
        seen = _unless_diverged(carry, legs.observe(state))
        when = {} if isinstance(legs.times, tuple) else {"step": times[k]}
        return carry, {**seen, **when}

    count = len(legs.times) if count is None else count
    carry = depart(legs) if carry is None else carry
    return jax.lax.scan(leg, carry, first + jnp.arange(count))


def arrive(legs: Legs, carry: Carry) -> dict:
    """What is observed at the end of a walk only."""
    seen = _unless_diverged(carry, legs.finish(carry.state))
    return {**seen, "diverged_at": carry.diverged_at}


def _finite(tree: Tree) -> jax.Array:
    leaves = [a for a in jax.tree.leaves(tree) if jnp.issubdtype(a.dtype, jnp.inexact)]
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(a)) for a in leaves]))


def _unless_diverged(carry: Carry, seen: dict) -> dict:
    def blank(a: Any) -> jax.Array:
        a = jnp.asarray(a)
        floating = jnp.issubdtype(a.dtype, jnp.inexact)
        return jnp.where(carry.diverged_at < 0, a, jnp.nan) if floating else a

    return jax.tree.map(blank, seen)

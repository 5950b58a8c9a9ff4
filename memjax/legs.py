"""A run in time: where it starts, one step, what is observed when; and its walk."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import Tree, wide

Times = tuple[int, ...] | jax.Array  # static; or traced, a static number of them
LEGS = 40  # times at which a run of a traced number of steps is observed


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

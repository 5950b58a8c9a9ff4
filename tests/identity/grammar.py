"""Random runs, as data: an expression, and for every constant where a run finds it.

A run is `{"y": expression}` of one number. Constants reach it through a closure, a
default, a partial, an object and so on. Evaluated with numpy as well.
"""

import functools
import json
import operator
import sys
from collections.abc import Callable
from typing import Any
from unittest import mock

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import strategies as st

import memjax as mj
from memjax.engine.run import shelf
from memjax.engine.run.program import program

PLACES = (
    "closure default keyword partial object dictionary array jitted scan loop "
    "checkpoint method nested gradient"
).split()
CONSTANTS = [0.5, 0.5000001, 1.0, 2.0, -0.75, 3.0]
UNARY = {
    "sin": (jnp.sin, np.sin),
    "tanh": (jnp.tanh, np.tanh),
    "neg": (operator.neg,) * 2,
}
BINARY = {"add": operator.add, "mul": operator.mul, "sub": operator.sub}


class Held:
    """A constant in a field."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __call__(self, x: Any) -> Any:
        return x * self.value

    def times(self, x: Any) -> Any:
        return self(x)


def scaled(place: str, k: float) -> Callable[[Any], Any]:
    """A function that multiplies by a constant, which it finds in such a place."""
    table, held, array = {"k": k}, Held(k), np.full(3, k, np.float32)

    def closure(x: Any) -> Any:
        return x * k

    def default(x: Any, by: float = k) -> Any:
        return x * by

    def keyword(x: Any, *, by: float = k) -> Any:
        return x * by

    def nested(x: Any) -> Any:
        return (lambda y: closure(y))(x)

    return {
        "closure": closure,
        "default": default,
        "keyword": keyword,
        "partial": functools.partial(operator.mul, k),
        "object": held,
        "method": held.times,
        "dictionary": lambda x: x * table["k"],
        "array": lambda x: x * jnp.asarray(array)[1],
        "jitted": jax.jit(closure),
        "scan": lambda x: jax.lax.scan(lambda c, _: (c * k, None), x, None, 1)[0],
        "loop": lambda x: jax.lax.fori_loop(0, 1, lambda _, c: c * k, x),
        "checkpoint": jax.checkpoint(closure),
        "nested": nested,
        "gradient": lambda x: jax.grad(lambda y: closure(y) * x)(jnp.float32(1)),
    }[place]


def expressions() -> st.SearchStrategy:
    """`"a"`, `[place, constant, inner]`, `[unary, inner]` or `[binary, one, other]`."""
    return st.recursive(
        st.just("a"),
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(PLACES), st.sampled_from(CONSTANTS), inner),
            st.tuples(st.sampled_from(sorted(UNARY)), inner),
            st.tuples(st.sampled_from(sorted(BINARY)), inner, inner),
        ),
        max_leaves=5,
    )


def run_of(tree: Any) -> Callable[..., dict]:
    """The run that computes an expression."""

    def build(part: Any) -> Callable[[Any], Any]:
        if part == "a":
            return lambda a: a
        name, *rest = part
        if name in PLACES:
            times, inner = scaled(name, rest[0]), build(rest[1])
            return lambda a: times(inner(a))
        if name in UNARY:
            function, inner = UNARY[name][0], build(rest[0])
            return lambda a: function(inner(a))
        one, other = map(build, rest)
        return lambda a: BINARY[name](one(a), other(a))

    whole = build(tree)

    def run(a: Any) -> dict:
        return {"y": whole(a)}

    return run


def value(part: Any, a: np.ndarray) -> np.ndarray:
    """The expression in numpy, in double precision."""
    if part == "a":
        return a
    name, *rest = part
    if name in PLACES:
        return rest[0] * value(rest[1], a)
    if name in UNARY:
        return UNARY[name][1](value(rest[0], a))
    return BINARY[name](*(value(inner, a) for inner in rest))


AXIS = [0.3, 1.1]


def measured(tree: Any) -> tuple[list[str], list[str]]:
    """The fingerprints of a run and the bits it returns, from a program of its own."""
    sweep = mj.Sweep(run_of(tree), a=AXIS)
    job = sweep.job()
    program.cache_clear()
    with mock.patch.object(shelf, "place", return_value=None):
        found = sweep.compute(job=job)
    return sweep.identity(job)["traces"], [float(v).hex() for v in found.y.values]


if __name__ == "__main__":
    mj.use_all_cores()
    print(json.dumps([measured(tree) for tree in json.load(sys.stdin)]))

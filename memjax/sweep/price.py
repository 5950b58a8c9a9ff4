"""What a run costs, read from its trace before anything is compiled."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr

from memjax.core import Legs, Tree, arrive, depart

# One core of a current server, from the workloads in benchmarks/: what small matrix
# products and elementwise passes in cache reach there, all overheads included.
FLOPS_PER_SECOND = 1e11
ELEMENTS_PER_SECOND = 2e10


class Price(NamedTuple):
    """The cost of one lane: a number for its set-up, each step and each observation."""

    setup: float  # seconds
    step: float
    observation: float
    steps: int
    legs: int
    state_bytes: int  # what a segment carries to the next
    result_bytes: int

    @property
    def seconds(self) -> float:
        """The predicted seconds of the lane, alone on one device."""
        return self.setup + self.steps * self.step + self.legs * self.observation


def price(lane: Callable[..., Any], arguments: tuple) -> tuple[Price, Price]:
    """The price of `lane(*arguments)` where its data fill one row tile, and two."""
    shown: dict[str, Any] = {}

    def seconds(part: Callable[[Any], Any]) -> np.ndarray:
        traced = jax.make_jaxpr(lambda *a: part(lane(*a)))(*arguments)
        return np.array([_seconds(traced.jaxpr, tiles) for tiles in (1, 2)])

    def note(result: Any) -> Any:
        if not isinstance(result, Legs):
            shown["results"] = jax.eval_shape(lambda: result)
            return result
        shown["times"] = result.times
        shown["state"] = jax.eval_shape(lambda: result.start)
        shown["logged"] = jax.eval_shape(lambda: result.observe(result.start))
        shown["results"] = jax.eval_shape(lambda: arrive(result, depart(result)))
        return result.start

    setup = seconds(note)
    if "times" not in shown:
        kept = _bytes(shown["results"])
        one, two = (Price(s, 0.0, 0.0, 0, 1, 0, kept) for s in setup.tolist())
        return one, two
    step = seconds(lambda legs: legs.step(legs.start, 0)) - setup
    look = seconds(lambda legs: legs.observe(legs.start)) - setup
    times = shown["times"]
    results = len(times) * _bytes(shown["logged"]) + _bytes(shown["results"])
    still = (times[-1], len(times), _bytes(shown["state"]), results)
    costs = np.stack([setup, step, look], axis=1).tolist()
    one, two = (Price(a, b, c, *still) for a, b, c in costs)
    return one, two


def uses(jaxpr: Jaxpr, primitives: frozenset[str]) -> bool:
    """Whether a trace holds any of these primitives, at any depth."""
    return any(
        equation.primitive.name in primitives
        or any(uses(inner, primitives) for inner in _jaxprs(equation.params))
        for equation in jaxpr.eqns
    )


def _bytes(tree: Tree) -> int:
    return sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(tree))


def _seconds(jaxpr: Jaxpr, tiles: int) -> float:
    """The seconds of a trace: its matrix products, and every other array it fills.

    A loop with a traced length is a walk over row tiles.
    """
    total = 0.0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        inner = [_seconds(j, tiles) for j in _jaxprs(parameters)]
        if name == "dot_general":
            total += _dot_flops(equation) / FLOPS_PER_SECOND
        elif name == "scan":
            total += parameters["length"] * sum(inner)
        elif name == "while":
            total += tiles * sum(inner)
        elif name == "cond":
            total += max(inner, default=0.0)
        elif inner:
            total += inner[0]
        else:
            total += sum(map(_elements, equation.outvars)) / ELEMENTS_PER_SECOND
    return total


def _elements(variable: Any) -> float:
    return float(math.prod(getattr(variable.aval, "shape", ())))


def _jaxprs(parameters: dict[str, Any]) -> list[Jaxpr]:
    leaves = jax.tree.leaves(
        [v for v in parameters.values()],
        is_leaf=lambda v: isinstance(v, ClosedJaxpr | Jaxpr),
    )
    found = [v.jaxpr if isinstance(v, ClosedJaxpr) else v for v in leaves]
    return [v for v in found if isinstance(v, Jaxpr)]


def _dot_flops(equation: Any) -> float:
    """Two for every product: the output's size times the contracted length."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    length = math.prod(left[d] for d in contracted)
    return 2.0 * length * _elements(equation.outvars[0])

"""What a run costs, read from its trace before anything is compiled."""

import math
from typing import Any, NamedTuple

from jax.extend.core import Jaxpr

from memjax.engine.asked.jaxprs import inner_jaxprs
from memjax.engine.asked.trace import Traced

# One core of a current server, from the workloads in benchmarks/: what small matrix
# products and elementwise passes in cache reach there, all overheads included.
FLOPS_PER_SECOND = 1e11
ELEMENTS_PER_SECOND = 2e10


class Price(NamedTuple):
    """The cost of one lane, alone on one device."""

    one_tile: float  # seconds, where its data fill one row tile
    more: float  # seconds for every further tile
    steps: int
    legs: int
    state_bytes: int  # what a segment carries to the next
    result_bytes: int

    def seconds(self, tiles: Any) -> Any:
        """The predicted seconds of lanes of so many tiles."""
        return self.one_tile + (tiles - 1) * self.more


def price(lane: Traced) -> Price:
    """What a lane costs, read from its trace."""
    legs, steps = len(lane.times), max(lane.times, default=0)
    parts = {name: part.jaxpr for name, part in lane.parts.items()}

    def seconds(tiles: int) -> float:
        total = _seconds(lane.setup.jaxpr, tiles)
        if parts:
            total += steps * _seconds(parts["step"], tiles)
            total += legs * _seconds(parts["observe"], tiles)
        return total

    one, two = seconds(1), seconds(2)
    if not parts:
        return Price(one, two - one, 0, 1, 0, _bytes(lane.setup.jaxpr))
    results = legs * _bytes(parts["observe"]) + _bytes(parts["finish"])
    return Price(one, two - one, steps, legs, _bytes(parts["step"]), results)


def _bytes(jaxpr: Jaxpr) -> int:
    """What a trace returns."""
    kinds: list[Any] = [variable.aval for variable in jaxpr.outvars]
    return sum(a.size * a.dtype.itemsize for a in kinds)


def _seconds(jaxpr: Jaxpr, tiles: int) -> float:
    """The seconds of a trace: its matrix products, and every other array it fills.

    A loop with a traced length is a walk over row tiles.
    """
    total = 0.0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        inner = [_seconds(j, tiles) for j in inner_jaxprs(parameters)]
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


def _dot_flops(equation: Any) -> float:
    """Two for every product: the output's size times the contracted length."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    length = math.prod(left[d] for d in contracted)
    return 2.0 * length * _elements(equation.outvars[0])

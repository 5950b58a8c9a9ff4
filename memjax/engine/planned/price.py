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
    """The cost of one lane, alone on one device, in seconds on the first row tile and
    on every further one.
    """

    legs_cost: tuple[float, float]  # of set-up and of what is observed
    step_cost: tuple[float, float]  # of one step
    legs: int
    state_bytes: int  # what a segment carries to the next
    result_bytes: int

    def seconds(self, tiles: Any, steps: Any) -> Any:
        """The predicted seconds of lanes of so many tiles and steps."""
        (first, more), (step, more_a_step) = self.legs_cost, self.step_cost
        return first + steps * step + (tiles - 1) * (more + steps * more_a_step)


def price(lane: Traced) -> Price:
    """What a lane costs, read from its trace."""
    setup, parts = lane.setup.jaxpr, {n: part.jaxpr for n, part in lane.parts.items()}
    if not parts:
        return Price(_on_tiles((1, setup)), (0.0, 0.0), 1, 0, _bytes(setup))
    legs = len(lane.times)
    return Price(
        _on_tiles((1, setup), (legs, parts["observe"])),
        _on_tiles((1, parts["step"])),
        legs,
        _bytes(parts["step"]),
        legs * _bytes(parts["observe"]) + _bytes(parts["finish"]),
    )


def _on_tiles(*parts: tuple[int, Jaxpr]) -> tuple[float, float]:
    """The seconds of traces, so many times each: on one row tile, and on one more."""
    one, two = (sum(k * _seconds(j, tiles) for k, j in parts) for tiles in (1, 2))
    return one, two - one


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

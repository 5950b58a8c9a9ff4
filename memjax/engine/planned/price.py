"""What a run costs, read from its trace before anything is compiled."""

import math
from typing import Any, NamedTuple

from jax.extend.core import Jaxpr, Literal

from memjax.engine.asked.trace import Traced
from memjax.engine.planned.machines import Prices
from memjax.lanes import inner_jaxprs

# What is compiled to kernels of its own; what stands around it is fused into these.
KERNELS = tuple(
    "dot_general conv reduce_ arg cum sort scatter gather cholesky eigh svd lu geqrf "
    "householder triangular fft".split()
)


class Price(NamedTuple):
    """The cost of one lane on one device, in seconds on the first row tile and on every
    further one; and what lanes that share their kernels pay together.
    """

    legs_cost: tuple[float, float]  # of set-up and of what is observed
    step_cost: tuple[float, float]  # of one step
    legs: int
    state_bytes: int  # what a segment carries to the next
    result_bytes: int
    shared: tuple[float, float] = (0.0, 0.0)  # of set-up and observing, of one step
    live_bytes: int = 0  # the most that a lane holds at a time

    def seconds(self, tiles: Any, steps: Any) -> Any:
        """The predicted seconds of lanes of so many tiles and steps."""
        (first, more), (step, more_a_step) = self.legs_cost, self.step_cost
        return first + steps * step + (tiles - 1) * (more + steps * more_a_step)

    def starting(self, steps: Any) -> Any:
        """The seconds that a chunk takes besides those of its lanes."""
        once, a_step = self.shared
        return once + steps * a_step


def price(lane: Traced, prices: Prices) -> Price:
    """What a lane costs, read from its trace."""
    setup, parts = lane.setup.jaxpr, {n: part.jaxpr for n, part in lane.parts.items()}
    legs = len(lane.times) if parts else 1
    apart = [(1, setup), *((legs, parts[n]) for n in ("observe",) if parts)]
    steps = [(1, parts["step"])] if parts else []
    state = _bytes(parts["step"].outvars) if parts else 0
    returned = legs * _bytes(parts["observe"].outvars) if parts else 0
    return Price(
        _on_tiles(prices, *apart),
        _on_tiles(prices, *steps),
        legs,
        state,
        returned + _bytes((parts["finish"] if parts else setup).outvars),
        (_starting(prices, *apart), _starting(prices, *steps)),
        max(map(_live, [setup, *parts.values()])),
    )


def _on_tiles(prices: Prices, *parts: tuple[int, Jaxpr]) -> tuple[float, float]:
    """The seconds of traces, so many times each: on one row tile, and on one more."""
    one, two = (sum(k * _seconds(j, prices, t) for k, j in parts) for t in (1, 2))
    return one, two - one


def _starting(prices: Prices, *parts: tuple[int, Jaxpr]) -> float:
    """The seconds that it takes to start the kernels of traces, so many times each."""
    return prices.kernel * sum(k * (1 + _kernels(jaxpr)) for k, jaxpr in parts)


def _seconds(jaxpr: Jaxpr, prices: Prices, tiles: int) -> float:
    """The seconds of a trace: its matrix products, and every other array it fills.

    A loop with a traced length is a walk over row tiles.
    """
    total = 0.0
    for equation in jaxpr.eqns:
        name, parameters = equation.primitive.name, equation.params
        inner = [_seconds(j, prices, tiles) for j in inner_jaxprs(parameters)]
        if name == "dot_general":
            total += _dot_flops(equation) / prices.flops
        elif name == "scan":
            total += parameters["length"] * sum(inner)
        elif name == "while":
            total += tiles * sum(inner)
        elif name == "cond":
            total += max(inner, default=0.0)
        elif inner:
            total += inner[0]
        else:
            total += sum(map(_elements, equation.outvars)) / prices.elements
    return total


def _kernels(jaxpr: Jaxpr) -> int:
    """About how many kernels a trace is: what needs none of its own is fused."""
    total = 0
    for equation in jaxpr.eqns:
        name, inner = equation.primitive.name, inner_jaxprs(equation.params)
        times = equation.params["length"] if name == "scan" else 1
        total += times * sum(map(_kernels, inner[:1] if name != "while" else inner))
        total += name.startswith(KERNELS) and not inner
    return total


def _live(jaxpr: Jaxpr) -> int:
    """The most bytes that a trace holds at a time, each array until its last use.

    What it closes over stays.
    """
    last = {v: i for i, e in enumerate(jaxpr.eqns) for v in _variables(e.invars)}
    stay = [*jaxpr.constvars, *_variables(jaxpr.outvars)]
    last |= {v: len(jaxpr.eqns) for v in stay}
    held = most = _bytes([*jaxpr.constvars, *jaxpr.invars])
    for i, equation in enumerate(jaxpr.eqns):
        inside = max(map(_live, inner_jaxprs(equation.params)), default=0)
        made = _bytes(equation.outvars)
        most = max(most, held + max(made, inside - _bytes(equation.invars)))
        dead = [v for v in {*_variables(equation.invars)} if last[v] == i]
        unused = [v for v in equation.outvars if v not in last]
        held += made - _bytes(dead) - _bytes(unused)
    return most


def _variables(found: Any) -> list[Any]:
    return [v for v in found if not isinstance(v, Literal)]


def _bytes(variables: Any) -> int:
    kinds: list[Any] = [v.aval for v in variables]
    return sum(a.size * a.dtype.itemsize for a in kinds if hasattr(a, "dtype"))


def _elements(variable: Any) -> float:
    return float(math.prod(getattr(variable.aval, "shape", ())))


def _dot_flops(equation: Any) -> float:
    """Two for every product: the output's size times the contracted length."""
    (contracted, _), _ = equation.params["dimension_numbers"]
    left = equation.invars[0].aval.shape
    length = math.prod(left[d] for d in contracted)
    return 2.0 * length * _elements(equation.outvars[0])

"""What a run costs, read from its trace before anything is compiled."""

from typing import Any, NamedTuple

from jax.extend.core import Jaxpr

from memjax.engine.asked.trace import Traced
from memjax.engine.planned.machines import Prices
from memjax.engine.planned.work import Work, bytes_of, live_bytes, work


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
    state = bytes_of(parts["step"].outvars) if parts else 0
    returned = legs * bytes_of(parts["observe"].outvars) if parts else 0
    return Price(
        _on_tiles(prices, *apart),
        _on_tiles(prices, *steps),
        legs,
        state,
        returned + bytes_of((parts["finish"] if parts else setup).outvars),
        (_starting(prices, *apart), _starting(prices, *steps)),
        max(map(live_bytes, [setup, *parts.values()])),
    )


def _on_tiles(prices: Prices, *parts: tuple[int, Jaxpr]) -> tuple[float, float]:
    """The seconds of traces, so many times each: on one row tile, and on one more."""
    one, two = (_all(t, *parts).seconds(prices) for t in (1, 2))
    return one, two - one


def _starting(prices: Prices, *parts: tuple[int, Jaxpr]) -> float:
    """The seconds that it takes to start the kernels of traces, so many times each.

    One more each time for what stands alone.
    """
    started = _all(1, *parts).kernels + sum(count for count, _ in parts)
    return prices.kernel * started


def _all(tiles: int, *parts: tuple[int, Jaxpr]) -> Work:
    total = Work()
    for count, jaxpr in parts:
        total = total.plus(work(jaxpr, tiles).times(count))
    return total

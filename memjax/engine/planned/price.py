"""What a run costs, read from its trace before anything is compiled."""

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from memjax.engine.asked.trace import Traced
from memjax.engine.planned.known import Given, Known, led
from memjax.engine.planned.machines import Prices
from memjax.engine.planned.work import Work, bytes_of, live_bytes, work


class Price(NamedTuple):
    """What lanes cost on one device, in seconds of each; and what those that share
    their kernels pay together.
    """

    legs_cost: Any  # of set-up and of what is observed
    step_cost: Any  # of one step
    legs: int
    state_bytes: int  # what a segment carries to the next
    result_bytes: int
    shared: tuple[float, float] = (0.0, 0.0)  # of set-up and observing, of one step
    live_bytes: int = 0  # the most that a lane holds at a time

    def seconds(self, steps: Any) -> Any:
        """The predicted seconds of lanes of so many steps."""
        return self.legs_cost + steps * self.step_cost

    def starting(self, steps: Any) -> Any:
        """The seconds that a chunk takes besides those of its lanes."""
        once, a_step = self.shared
        return once + steps * a_step


def price(
    lane: Traced,
    prices: Prices,
    tiles: Any = 1,
    given: Given = (),
    *,
    held: bool = True,
) -> Price:
    """What lanes of a trace cost that walk so many row tiles.

    `given` are the numbers and inputs of each, by which the lengths of loops are known.
    Without `held` it is not asked how much memory a lane takes.
    """
    setup, parts = lane.setup.jaxpr, {n: part.jaxpr for n, part in lane.parts.items()}
    legs = len(lane.times) if parts else 1
    known = Known(setup, [*(partial(led, a, 1) for a in lane.closed), *given])
    once, step = [work(setup, tiles, known)], []
    if parts:
        seen, end = (work(parts[name], tiles) for name in ("observe", "finish"))
        once, step = [*once, seen.times(legs), end], [work(parts["step"], tiles)]
    return Price(
        sum(w.seconds(prices) for w in once),
        sum(w.seconds(prices) for w in step),
        legs,
        bytes_of(parts["step"].outvars) if parts else 0,
        _returned(lane, legs),
        (_starting(prices, once, 2 + legs if parts else 1), _starting(prices, step, 1)),
        max(map(live_bytes, lane.jaxprs)) if held else 0,
    )


def _returned(lane: Traced, legs: int) -> int:
    """The bytes of what a lane returns."""
    if not lane.parts:
        return bytes_of(lane.setup.jaxpr.outvars)
    each, end = (bytes_of(lane.parts[n].jaxpr.outvars) for n in ("observe", "finish"))
    return legs * each + end


def _starting(prices: Prices, works: Sequence[Work], alone: int) -> float:
    """The seconds that it takes to start the kernels of so much work.

    One more for each part that stands alone.
    """
    started = sum(float(np.mean(w.kernels)) for w in works)
    return prices.kernel * (started + alone * bool(works))

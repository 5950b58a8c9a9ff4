"""How often the loops of a trace turn whose length is traced."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from jax.extend.core import Jaxpr, Literal

from memjax.engine.planned.known import Known, Value, led

# A loop that ends by a condition turns more than once and less than its bound; where it
# has none, this one is assumed. Their geometric mean is wrong by the least factor.
BOUND = 1000.0


def turns(equation: Any, known: Known) -> Value:
    """The turns of a loop in each lane; None where it counts to what is not known."""
    conditions = list(_conditions(equation.params["cond_jaxpr"].jaxpr))
    counts = [_counted(equation, test, known) for test in conditions]
    told = [count for count in counts if count is not None]
    if len(conditions) == 1 and _compares(conditions[0]):
        return told[0] if told else None
    bound = min(told, key=np.mean, default=led(BOUND, known.axes))
    return np.sqrt(np.maximum(1.0, bound))


def _conditions(cond: Jaxpr) -> Iterator[Any]:
    """The equations that must hold for a loop to go on; None for anything else."""
    makers: dict[Any, Any] = {v: e for e in cond.eqns for v in e.outvars}
    waiting = [cond.outvars[0]]
    while waiting:
        equation: Any = makers.get(waiting.pop())
        name = getattr(equation, "primitive", None)
        if str(name) in ("and", "convert_element_type"):
            waiting += equation.invars
        else:
            yield equation


def _compares(equation: Any) -> bool:
    return equation is not None and equation.primitive.name == "lt"


def _counted(equation: Any, test: Any, known: Known) -> Value:
    """The turns of a loop until a counter, one more each turn, has reached a bound."""
    if not _compares(test):
        return None
    counter, bound = (_outside(equation, v) for v in test.invars)
    if counter is None or bound is None or bound.changes or not counter.counts:
        return None
    begin, end = known.of(counter.start), known.of(bound.start)
    if begin is None or end is None:
        return None
    count = np.maximum(0.0, np.subtract(end, begin, dtype=float))
    return count.max(tuple(range(known.axes, count.ndim)))  # of those side by side


class _Variable(NamedTuple):
    """A variable of a loop: what it starts as, and what becomes of it in a turn."""

    start: Any
    changes: bool = False
    counts: bool = False  # whether it is one more each turn


def _outside(equation: Any, variable: Any) -> _Variable | None:
    """A variable of a loop's condition; None where the condition works it out."""
    if isinstance(variable, Literal):
        return _Variable(variable)
    cond, body = (equation.params[n].jaxpr for n in ("cond_jaxpr", "body_jaxpr"))
    for e in cond.eqns:
        if e.primitive.name == "convert_element_type" and e.outvars[0] is variable:
            return _outside(equation, e.invars[0])
    if variable not in cond.invars:
        return None
    place, closed = cond.invars.index(variable), equation.params["cond_nconsts"]
    if place < closed:
        return _Variable(equation.invars[place])
    carried, shift = place - closed, equation.params["body_nconsts"]
    old, new = body.invars[shift + carried], body.outvars[carried]
    counts = any(_adds_one(e, old) and e.outvars[0] is new for e in body.eqns)
    return _Variable(equation.invars[place + shift], new is not old, counts)


def _adds_one(equation: Any, variable: Any) -> bool:
    if equation.primitive.name != "add":
        return False
    ones = [v for v in equation.invars if isinstance(v, Literal) and v.val == 1]
    return len(ones) == 1 and any(v is variable for v in equation.invars)

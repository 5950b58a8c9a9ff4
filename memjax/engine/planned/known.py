"""What the variables of a trace are before it runs, as far as its numbers tell."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from jax.extend.core import Jaxpr, Literal

from memjax.lanes import inner_jaxprs

Value = np.ndarray | None
Given = Sequence[Callable[[], Value]]  # each is asked for where it is needed
MOST = 2**18  # numbers of a variable that is worked out, those of all lanes together
CALLS = "jit pjit closed_call custom_jvp_call custom_vjp_call".split()


class Known:
    """The variables of a trace, each worked out where it is asked for.

    Values have an axis of lanes before their own, and one for each scan around the
    trace; an axis along which all are alike has length one. What depends on a draw, on
    an operation that has no rule here, or is no number or list of numbers, is None.
    """

    def __init__(self, jaxpr: Jaxpr, given: Given = (), axes: int = 1) -> None:
        self.jaxpr, self.axes = jaxpr, axes
        handed = [*jaxpr.constvars, *jaxpr.invars]
        self._given = dict(zip(handed, given, strict=False))
        self._found: dict[Any, Value] = {}

    def of(self, variable: Any) -> Value:
        """The value of a variable."""
        if isinstance(variable, Literal):
            return led(variable.val, self.axes)
        if variable not in self._found:
            self._work_out(variable)
        return self._found[variable]

    def in_a_call(self, equation: Any, jaxpr: Jaxpr) -> "Known":
        """What a function knows that an equation calls."""
        direct = equation.primitive.name in CALLS and not jaxpr.constvars
        given = self._asks(equation.invars) if direct else ()
        return Known(jaxpr, given, self.axes)

    def in_a_scan(self, equation: Any) -> "Known":
        """What a step of a scan knows: what it closes over, and what it is handed."""
        body = inner_jaxprs(equation.params)[0]
        carry = _as_long(equation.outvars, body.outvars)
        consts = _as_long(equation.invars, body.invars) - carry
        asks = self._asks(equation.invars)
        still = [partial(_along_a_scan, ask, self.axes) for ask in asks[:consts]]
        given: list[Callable] = [*still, *[nothing] * carry, *asks[consts + carry :]]
        return Known(body, given, self.axes + 1)

    def in_a_loop(self, equation: Any) -> "Known":
        """What a turn of a loop knows: what it closes over, and what stays."""
        consts, body = equation.params["body_nconsts"], equation.params["body_jaxpr"]
        asks = self._asks(equation.invars[equation.params["cond_nconsts"] :])
        places = zip(body.jaxpr.invars[consts:], body.jaxpr.outvars, strict=True)
        stays = [old is new for old, new in places]
        given = [a if s else nothing for a, s in zip(asks[consts:], stays, strict=True)]
        return Known(body.jaxpr, [*asks[:consts], *given], self.axes)

    def _asks(self, variables: Sequence[Any]) -> list[Callable[[], Value]]:
        return [partial(self.of, v) for v in variables]

    def _work_out(self, variable: Any) -> None:
        """Find a variable and all that it depends on, in the order of the trace."""
        needed, equations = {variable}, []
        for equation in reversed(self.jaxpr.eqns):
            if needed.intersection(equation.outvars):
                equations.append(equation)
                needed.update(v for v in equation.invars if not isinstance(v, Literal))
        for v in needed - self._found.keys():
            self._found[v] = self._given.get(v, nothing)()
        for equation in reversed(equations):
            for place, made in enumerate(equation.outvars):
                if made in needed and self._found[made] is None:
                    self._found[made] = self._made(equation, place)

    def _made(self, equation: Any, place: int) -> Value:
        """What an equation returns at a place."""
        name, kind = equation.primitive.name, equation.outvars[place].aval
        if name in CALLS:
            inside = self.in_a_call(equation, inner_jaxprs(equation.params)[0])
            return inside.of(inside.jaxpr.outvars[place])
        asked = (self.of(v) for v in equation.invars)
        values = [v for v in asked if v is not None]
        if name not in RULES or len(values) < len(equation.invars) or kind.ndim > 1:
            return None
        alike = (1,) * self.axes
        lanes = np.broadcast_shapes(alike, *(v.shape[: self.axes] for v in values))
        if np.prod(lanes, dtype=int) * kind.size > MOST:
            return None
        with np.errstate(all="ignore"):
            made = RULES[name](equation, (*lanes, *kind.shape), *values)
            return made.astype(kind.dtype)


def nothing() -> None:
    """What is not known."""


def _as_long(outside: Sequence[Any], inside: Sequence[Any]) -> int:
    """How many variables of a scan are what its steps see: no list of such."""
    pairs = zip(outside, inside, strict=True)
    return sum(whole.aval.ndim == part.aval.ndim for whole, part in pairs)


def led(value: Any, axes: int) -> np.ndarray:
    """A value that is the same for all lanes, with so many axes before its own."""
    value = np.asarray(value)
    return value.reshape((1,) * axes + value.shape)


def _along_a_scan(ask: Callable[[], Value], axes: int) -> Value:
    value = ask()
    return None if value is None else np.expand_dims(value, axes)


# --- operations that lengths are made by ----------------------------------------------
# Each makes a value of the shape that it is told, by its equation, of values.


def _each(f: Callable) -> Callable[..., np.ndarray]:
    """What is done to each number, or to a number and each of a list."""

    def rule(equation: Any, shape: tuple, *values: np.ndarray) -> np.ndarray:
        spread = (v[..., None] if v.ndim < len(shape) else v for v in values)
        return np.asarray(f(*spread))

    return rule


def _whole(f: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
    """What is made of a whole list."""
    return lambda equation, shape, value: f(value, axis=-1)


def _divided(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A quotient; of whole numbers, rounded towards zero."""
    return np.trunc(a / b) if a.dtype.kind in "iu" else a / b


def _picked(equation: Any, shape: tuple, value: np.ndarray, at: np.ndarray) -> Any:
    """A part of a list, from a place on."""
    size = shape[-1]
    places = np.clip(at, 0, value.shape[-1] - size)[..., None] + np.arange(size)
    lists = np.broadcast_to(value, (*shape[:-1], value.shape[-1]))
    return np.take_along_axis(lists, np.broadcast_to(places, shape), -1)


def _cut(equation: Any, shape: tuple, value: np.ndarray) -> np.ndarray:
    """A part of a list, from a fixed place on."""
    names = ("start_indices", "limit_indices", "strides")
    (begin,), (end,), (by,) = (equation.params[n] or (1,) for n in names)
    return value[..., begin:end:by]


def _spread(equation: Any, shape: tuple, value: np.ndarray) -> np.ndarray:
    """A number as a list, or a list as it is."""
    is_list = value.ndim == len(shape)
    return np.broadcast_to(value if is_list else value[..., None], shape)


RULES: dict[str, Callable[..., np.ndarray]] = {
    "add": _each(np.add),
    "sub": _each(np.subtract),
    "mul": _each(np.multiply),
    "div": _each(_divided),
    "rem": _each(np.fmod),
    "neg": _each(np.negative),
    "abs": _each(np.abs),
    "sign": _each(np.sign),
    "max": _each(np.maximum),
    "min": _each(np.minimum),
    "floor": _each(np.floor),
    "ceil": _each(np.ceil),
    "round": _each(np.round),
    "exp": _each(np.exp),
    "log": _each(np.log),
    "sqrt": _each(np.sqrt),
    "pow": _each(np.power),
    "lt": _each(np.less),
    "le": _each(np.less_equal),
    "gt": _each(np.greater),
    "ge": _each(np.greater_equal),
    "eq": _each(np.equal),
    "ne": _each(np.not_equal),
    "and": _each(np.bitwise_and),
    "or": _each(np.bitwise_or),
    "not": _each(np.invert),
    "select_n": _each(lambda which, no, yes: np.where(which, yes, no)),
    "clamp": _each(lambda low, value, high: np.clip(value, low, high)),
    "convert_element_type": _each(np.array),
    "integer_pow": lambda equation, shape, value: value ** equation.params["y"],
    "iota": lambda equation, shape: np.arange(shape[-1]).reshape(shape),
    "broadcast_in_dim": _spread,
    "reshape": lambda equation, shape, value: value.reshape(shape),
    "squeeze": lambda equation, shape, value: value.reshape(shape),
    "slice": _cut,
    "dynamic_slice": _picked,
    "reduce_max": _whole(np.max),
    "reduce_min": _whole(np.min),
    "reduce_sum": _whole(np.sum),
}

"""One run of a sweep, as it is compiled; and the text by which it is recognized."""

import sys
import sysconfig
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from memjax.core import Carry, Legs, Named, Tree, arrive, depart, iterate, walk
from memjax.sweep.fingerprint import canonical, fingerprint
from memjax.sweep.grid import Per
from memjax.sweep.jaxprs import equations
from memjax.sweep.provenance import numerics
from memjax.sweep.trace import Traced, at_moment

PLACES = ("stdlib", "platstdlib", "purelib", "platlib")
INSTALLED = tuple(sysconfig.get_path(place) for place in PLACES)


@partial(
    jax.tree_util.register_dataclass,
    data_fields=["logged", "final", "carry"],
    meta_fields=["times"],
)
@dataclass(frozen=True)
class Outcome:
    """What lanes returned: quantities logged at `times`, and final ones."""

    times: tuple[int, ...]
    logged: dict[str, Any]  # [lanes, legs, ...]
    final: dict[str, Any]  # [lanes, ...]
    carry: Carry | None  # where the next segment goes on


class Kinds(NamedTuple):
    """The types of what a lane is handed: numbers, and inputs, one entry of a `Per`."""

    numbers: dict[str, jax.ShapeDtypeStruct]
    inputs: dict[str, Tree]
    own: frozenset[str]  # inputs that differ from lane to lane


class Lane:
    """A run for one choice of shapes, traced; equal to another whose trace is."""

    def __init__(self, traced: Traced, kinds: Kinds) -> None:
        self.traced, self.kinds = traced, kinds
        self.seconds = 0.0  # that its fingerprint took

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lane) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def text(self) -> list[str]:
        """All that decides a lane's numbers: settings, its trace, and how it is walked.

        Where a trace has batching rules of the user's own, it is written as a vmap over
        two lanes has it, too: that is what a chunk runs.
        """
        traced, moment = self.traced, self.traced.moment
        with at_moment(moment):
            parts = traced.parts.values()
            return [
                *(f"{name}: {value}" for name, value in numerics().items()),
                *self._names(),
                *(_walk_at(moment) if traced.parts else ()),
                *_written(traced.setup.jaxpr, traced.closed, self._own()),
                *(line for p in parts for line in _written(p.jaxpr)),
            ]

    def _own(self) -> list[bool]:
        """Which arguments of the set-up differ from lane to lane."""
        numbers, inputs, own = self.kinds
        leaves = jax.tree_util.tree_leaves_with_path((dict(numbers), dict(inputs)))
        return [path[0].idx == 0 or path[1].key in own for path, _ in leaves]

    def _names(self) -> list[str]:
        """What quantities and dimensions are called, and when they are logged."""
        parts = self.traced.parts or {"returned": self.traced.setup}
        lines = [f"times {self.traced.times}"]
        for name in sorted(parts.keys() & {"returned", "observe", "finish"}):
            returned = jax.tree.unflatten(
                parts[name].returns, parts[name].jaxpr.outvars
            )
            for key, value in returned.items():
                axes = value.axes if isinstance(value, Named) else ()
                lines.append(f"{name} {key} {axes}")
        return lines

    @cached_property
    def fingerprint(self) -> str:
        began = time.perf_counter()
        found = fingerprint(self.text)
        self.seconds = time.perf_counter() - began
        return found

    @cached_property
    def codes(self) -> list[CodeType]:
        """The user's functions that the trace went through, as code."""
        found: set[CodeType] = set()
        for jaxpr in self.traced.jaxprs:
            for equation in equations(jaxpr):
                found |= _behind(equation.source_info.traceback)
        own = (c for c in found if not c.co_filename.startswith((*INSTALLED, "<")))
        return sorted(own, key=name_of)

    def segment(
        self,
        legs: int | None,
        numbers: dict[str, Any],
        inputs: dict[str, Any],
        carry: Carry | None,
        first: Any,
    ) -> Outcome:
        """One run: all of it, or so many `legs` of it from leg `first` on.

        A segment sets the run up again from its numbers; what it does not need of that
        is dead code to the compiler.
        """
        result = self.traced.run(numbers, inputs)
        if not isinstance(result, Legs):
            return Outcome((), {}, result, None)
        if carry is not None:
            fresh, begun = depart(result), carry
            carry = jax.lax.cond(first == 0, lambda: fresh, lambda: begun)
        carry, logged = walk(result, carry, first, legs)
        final = arrive(result, carry)
        return Outcome(result.times, logged, final, None if legs is None else carry)

    def blank_carry(self, count: int) -> Carry:
        """A carry of so many lanes, for a first segment to go on from."""
        numbers, inputs, _ = self.kinds
        one = jax.eval_shape(
            lambda n, i: depart(self.traced.run(n, i)), numbers, inputs
        )
        return jax.tree.map(partial(_blank, count), one)


def _blank(count: int, like: Any) -> jax.Array | np.ndarray:
    if jnp.issubdtype(like.dtype, jax.dtypes.prng_key):
        return jax.random.split(jax.random.key(0), (count, *like.shape))
    return np.zeros((count, *like.shape), like.dtype)


def _written(
    jaxpr: Jaxpr, closed: Sequence[Any] | None = None, own: Sequence[bool] = ()
) -> list[str]:
    """A trace as text, also batched where it has rules for that of the user's own.

    `own` tells which arguments differ from lane to lane; all do, also what the trace
    closes over, where that is not given.
    """
    alone = canonical(jaxpr, closed or ())
    if not any(e.primitive.name == "custom_vmap_call" for e in equations(jaxpr)):
        return alone
    constants = jaxpr.constvars if closed is None else []
    avals: list[Any] = [v.aval for v in (*constants, *jaxpr.invars)]
    kinds = [jax.ShapeDtypeStruct(a.shape, a.dtype) for a in avals]
    own = own or [True] * len(kinds)
    pair = [_twice(k) if d else k for k, d in zip(kinds, own, strict=True)]

    def flat(*given: Any) -> list:
        count = len(constants)
        held = given[:count] if closed is None else closed
        return jaxpr_as_fun(ClosedJaxpr(jaxpr, held))(*given[count:])

    along = tuple(0 if differs else None for differs in own)
    batched = jax.make_jaxpr(jax.vmap(flat, along, axis_size=2))(*pair)
    return [*alone, *canonical(batched.jaxpr, batched.consts)]


@lru_cache(maxsize=1)
def _walk_at(moment: int) -> list[str]:
    """How the library walks a run, by the walk of one that only counts."""
    legs = iterate(jnp.zeros(2), lambda s, t: s + t, lambda s: {"s": s}, (0, 1, 3))

    def walked() -> Any:
        carry, seen = walk(legs, depart(legs))
        return seen, arrive(legs, carry)

    traced = jax.make_jaxpr(walked)()
    return canonical(traced.jaxpr, traced.consts)


def _twice(kind: Any) -> jax.ShapeDtypeStruct:
    return jax.ShapeDtypeStruct((2, *kind.shape), kind.dtype)


def kinds_of(numbers: Mapping[str, Any], inputs: Mapping[str, Any]) -> Kinds:
    """The types of what each lane is handed, of the numbers of many and all inputs."""

    def kind(a: Any, lead: int) -> jax.ShapeDtypeStruct:
        return jax.ShapeDtypeStruct(np.shape(a)[lead:], a.dtype)

    own = frozenset(n for n, given in inputs.items() if isinstance(given, Per))
    handed = {
        name: jax.tree.map(partial(kind, lead=1), given.tree)
        if name in own
        else jax.tree.map(partial(kind, lead=0), given)
        for name, given in inputs.items()
    }
    return Kinds({n: kind(a, 1) for n, a in numbers.items()}, handed, own)


def _behind(traceback: Any) -> set[CodeType]:
    return set() if traceback is None else set(traceback.raw_frames()[0])


def name_of(code: CodeType) -> str:
    """A function's name, after that of its file."""
    return f"{Path(code.co_filename).stem}.{code.co_qualname}"


def does(code: CodeType) -> str:
    """What a function's code does, whatever its comments, docstring and place."""

    def text(value: Any) -> str:
        if isinstance(value, frozenset):  # in another order in every process
            return str(sorted(map(repr, value)))
        return does(value) if isinstance(value, CodeType) else repr(value)

    constants = sorted(map(text, code.co_consts)) if code.co_consts else []
    version = sys.version_info[:2]
    return fingerprint([str(version), code.co_code.hex(), *code.co_names, *constants])

"""One run of a sweep, as it is compiled; and the text by which it is recognized."""

import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.core import Carry, Legs, Named, Tree, arrive, depart, walk
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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Lane) and other.fingerprint == self.fingerprint

    def __hash__(self) -> int:
        return hash(self.fingerprint)

    @cached_property
    def text(self) -> list[str]:
        """All that decides a lane's numbers: settings, and its trace.

        As it was traced, which is how it runs alone, and as a vmap over two has it, for
        the rules of batching are a part of it.
        """
        numbers, inputs, own = self.kinds
        along = {name: 0 if name in own else None for name in inputs}
        pair = {n: _twice(k) for n, k in numbers.items()}
        given = {
            n: jax.tree.map(_twice, k) if n in own else k for n, k in inputs.items()
        }
        lanes = jax.vmap(self.walked, (0, along), axis_size=2)
        with at_moment(self.traced.moment):
            both, returned = jax.make_jaxpr(lanes, return_shape=True)(pair, given)
        return [
            *(f"{name}: {value}" for name, value in numerics().items()),
            *_names(returned),
            *self._alone(),
            *canonical(both.jaxpr, both.consts),
        ]

    def _alone(self) -> list[str]:
        """The trace of one lane, where rules of the user's tell how to batch it."""
        found = (e.primitive.name for j in self.traced.jaxprs for e in equations(j))
        if "custom_vmap_call" not in found:
            return []
        parts = self.traced.parts.values()
        return [
            *canonical(self.traced.setup.jaxpr, self.traced.closed),
            *(line for part in parts for line in canonical(part.jaxpr)),
        ]

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.text)

    @cached_property
    def codes(self) -> list[CodeType]:
        """The user's functions that the trace went through, as code."""
        found: set[CodeType] = set()
        for jaxpr in self.traced.jaxprs:
            for equation in equations(jaxpr):
                found |= _behind(equation.source_info.traceback)
        own = (c for c in found if not c.co_filename.startswith((*INSTALLED, "<")))
        return sorted(own, key=name_of)

    def walked(self, numbers: dict[str, Any], inputs: dict[str, Any]) -> Outcome:
        """All of a run."""
        return self.segment(None, numbers, inputs, None, 0)

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


def _names(returned: Outcome) -> list[str]:
    """What quantities and dimensions are called, and when they were logged."""
    lines = [f"times {returned.times}"]
    for part in ("logged", "final"):
        for name, value in getattr(returned, part).items():
            dims = value.axes if isinstance(value, Named) else ()
            lines.append(f"{part} {name} {dims}")
    return lines


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

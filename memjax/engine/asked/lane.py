"""One run of a sweep, as it is compiled; and the text by which it is recognized."""

import time
from collections.abc import Mapping
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.engine.asked.axes import Per
from memjax.engine.asked.settings import numerics
from memjax.engine.asked.text import canonical, fingerprint, written
from memjax.engine.asked.trace import Moment, Traced, at_moment
from memjax.lanes import Tree
from memjax.legs import arrive, depart, iterate, walk
from memjax.quantities import Named


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
                *written(traced.setup.jaxpr, traced.closed, self._own()),
                *(line for p in parts for line in written(p.jaxpr)),
            ]

    def _own(self) -> list[bool]:
        """Which arguments of the set-up differ from lane to lane."""
        numbers, inputs, own = self.kinds
        leaves = jax.tree_util.tree_leaves_with_path((dict(numbers), dict(inputs)))
        return [path[0].idx == 0 or path[1].key in own for path, _ in leaves]

    def _names(self) -> list[str]:
        """What quantities and dimensions are called, and when they are logged."""
        parts = self.traced.parts or {"returned": self.traced.setup}
        lines = [f"times {self.traced.times}{' traced' * self.traced.paced}"]
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


@lru_cache(maxsize=1)
def _walk_at(moment: Moment) -> list[str]:
    """How the library walks a run, by the walk of one that only counts."""

    def walked() -> Any:
        start = jnp.zeros(2)
        legs = iterate(start, lambda s, t: s + t, lambda s: {"s": s}, (0, 1, 3))
        carry, seen = walk(legs, depart(legs))
        return seen, arrive(legs, carry)

    traced = jax.make_jaxpr(walked)()
    return canonical(traced.jaxpr, traced.consts)


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

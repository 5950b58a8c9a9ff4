"""A run, traced once: its price and every program of it come from this trace."""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from memjax.core import Legs, Tree
from memjax.sweep.grid import Per
from memjax.sweep.identity import code_of, digest
from memjax.sweep.provenance import numerics
from memjax.sweep.quantities import check_quantities, check_walk


class Part(NamedTuple):
    """A function of a run as a trace, apart from the arrays that it closes over."""

    jaxpr: Jaxpr
    returns: Any  # the structure of what it returns

    def over(self, closed: Sequence[Any]) -> Callable[..., Any]:
        """The function, with these arrays closed over."""
        flat = jaxpr_as_fun(ClosedJaxpr(self.jaxpr, closed))
        return lambda *a: jax.tree.unflatten(self.returns, flat(*jax.tree.leaves(a)))


@dataclass(frozen=True, eq=False)  # equal only to itself: programs are kept by it
class Traced:
    """A run for one choice of shapes.

    `setup` goes from numbers and inputs to what the run returns: a dict, or the start
    of `Legs` and what each of their `parts` closes over.
    """

    setup: Part
    closed: list  # arrays that the run itself closes over
    parts: dict[str, Part]
    times: tuple[int, ...]  # empty for a run that takes no time

    @property
    def jaxprs(self) -> list[Jaxpr]:
        """The traces of set-up and parts."""
        return [self.setup.jaxpr, *(part.jaxpr for part in self.parts.values())]

    def run(self, numbers: dict[str, Any], inputs: dict[str, Any]) -> Any:
        """What the run returns, a dict or `Legs`, without a second trace of it."""
        made = self.setup.over(self.closed)(numbers, inputs)
        if not self.times:
            return made
        start, closed = made
        parts = {name: part.over(closed[name]) for name, part in self.parts.items()}
        return Legs(start=start, times=self.times, keep=lambda state: state, **parts)


def trace(run: Callable, shapes: dict[str, Any], numbers: Tree, inputs: Tree) -> Traced:
    """The trace of a run for numbers and inputs of these types and its shapes.

    It is made once for a run and the values it names, and JAX's numeric settings.
    """
    settings = (digest(code_of(run)), *numerics().items())
    return _trace(run, tuple(shapes.items()), abstract((numbers, inputs)), settings)


@lru_cache(maxsize=64)
def _trace(run: Callable, shapes: tuple, arguments: tuple, settings: tuple) -> Traced:
    found: dict[str, Any] = {"parts": {}, "times": ()}

    def setup(numbers: dict[str, Any], inputs: dict[str, Any]) -> Any:
        handed = {name: _pick(given, numbers) for name, given in inputs.items()}
        plain = {n: a for n, a in numbers.items() if not n.startswith("@")}
        result = run(**plain, **handed, **dict(shapes))
        taken = {*numbers, *inputs, *dict(shapes), "status"}
        if not isinstance(result, Legs):
            check_quantities(run, result, {*taken, "step"})
            return result
        result = _settled(result)
        found["times"], closed, returned = result.times, {}, {}
        for name, given in _walked_by(result).items():
            function = getattr(result, name)
            whole, returned[name] = jax.make_jaxpr(function, return_shape=True)(*given)
            found["parts"][name] = Part(whole.jaxpr, jax.tree.structure(returned[name]))
            closed[name] = whole.consts
        _check_step(run, result.start, returned["step"])
        check_walk(run, returned["observe"], returned["finish"], result.times, taken)
        return result.start, closed

    leaves, structure = arguments
    example = jax.tree.unflatten(structure, leaves)
    try:
        with uncollected():
            whole, returned = jax.make_jaxpr(setup, return_shape=True)(*example)
    except TypeError as error:
        if "trace" in str(error).lower() or "concrete" in str(error):
            named = ", ".join(n for n in example[0] if not n.startswith("@"))
            error.add_note(
                f"{run.__name__}: {named} are numbers, traced. What Python has to know "
                "(a shape, the length of a loop, an if) is a shape: put it after the *."
            )
        raise
    made = Part(whole.jaxpr, jax.tree.structure(returned))
    return Traced(made, whole.consts, **found)


@contextmanager
def uncollected() -> Iterator[None]:
    """Garbage waits meanwhile.

    JAX makes many objects while it traces and compiles, and drops few: to search all
    that it holds for garbage would take a sixth of that time.
    """
    collects = gc.isenabled()
    try:
        if collects:
            gc.disable()
        yield
    finally:
        if collects:
            gc.enable()


def _settled(legs: Legs) -> Legs:
    """Legs whose start has the types that a step returns, where its own are weak.

    A loop over steps would settle them so, and trace the step once more.
    """
    leaves, structure = jax.tree.flatten(legs.start)
    if not any(jax.typeof(leaf).weak_type for leaf in leaves):
        return legs
    after = jax.tree.leaves(jax.eval_shape(legs.step, legs.start, _first_time(legs)))
    if len(after) != len(leaves):
        return legs  # the loop will say so
    settled = [
        jnp.asarray(leaf, then.dtype) if jax.typeof(leaf).weak_type else leaf
        for leaf, then in zip(leaves, after, strict=True)
    ]
    return legs._replace(start=jax.tree.unflatten(structure, settled))


def _first_time(legs: Legs) -> jax.Array:
    return jnp.array(legs.times)[0]


def _walked_by(legs: Legs) -> dict[str, tuple]:
    """The functions that walk a run, and what each is given."""
    state = legs.start
    return {
        "step": (state, _first_time(legs)),
        "observe": (state,),
        "finish": (state,),
        "check": (state,),
    }


def _pick(given: Any, numbers: dict[str, Any]) -> Any:
    """An input: as it is, or the part of it that belongs to a lane."""
    if not isinstance(given, Per):
        return given
    return jax.tree.map(lambda a: a[numbers[f"@{given.axis}"]], given.tree)


def _check_step(run: Callable, start: Tree, after: Tree) -> None:
    """Refuse a step that returns another kind of state than it is given."""

    def kinds(tree: Tree) -> Any:
        return jax.tree.map(lambda a: f"{a.dtype}{list(a.shape)}", tree)

    if kinds(start) != kinds(after):
        raise TypeError(
            f"{run.__name__}: a step returns {kinds(after)} for a state {kinds(start)}"
        )


def abstract(tree: Tree) -> tuple:
    """Shapes and types of arguments, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves), structure

"""A run, traced: its price, its identity and its programs all come from this trace."""

import gc
import itertools
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, jaxpr_as_fun

from memjax.engine.asked.parameters import bare
from memjax.engine.asked.rules import (
    check_effects,
    check_quantities,
    check_walk,
    no_draws_of_the_host,
    warn_of_large,
)
from memjax.engine.asked.states import _check_step, _walked_by, flattened
from memjax.lanes import Tree, wide
from memjax.legs import Legs

OBSERVED = ("observe", "finish")  # the others return states, as lists of arrays
KEPT = 256  # moments whose traces JAX keeps
TO_BE_KNOWN = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
)
_moment = jax.make_user_context()
_moments = itertools.count(1)


class Part(NamedTuple):
    """A function of a run as a trace, apart from the arrays that it closes over."""

    jaxpr: Jaxpr
    returns: Any  # the structure of what it returns

    def over(self, closed: Sequence[Any]) -> Callable[..., Any]:
        """The function, with these arrays closed over."""
        flat = jaxpr_as_fun(ClosedJaxpr(self.jaxpr, closed))
        return lambda *a: jax.tree.unflatten(self.returns, flat(*jax.tree.leaves(a)))


@dataclass
class Traced:
    """A run for one choice of shapes, at one moment.

    `setup` goes from numbers and inputs to what the run returns: a dict, or the start
    of `Legs` and what each of their `parts` closes over. States are lists of arrays.
    """

    setup: Part
    closed: list  # arrays that the run itself closes over
    parts: dict[str, Part]
    times: tuple[int, ...]  # empty for a run that takes no time
    paced: bool  # whether the times are traced, and `times` only counts them
    moment: "Moment"

    @cached_property
    def jaxprs(self) -> list[Jaxpr]:
        """The traces of set-up and parts."""
        return [self.setup.jaxpr, *(part.jaxpr for part in self.parts.values())]

    def run(self, numbers: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        """What the run returns, a dict or `Legs`, without a second trace of it."""
        made = self.setup.over(self.closed)(dict(numbers), dict(inputs))
        if not self.parts:
            return made
        start, closed, *traced = made
        times = traced[0] if self.paced else self.times
        parts: dict[str, Any] = {n: p.over(closed[n]) for n, p in self.parts.items()}
        return Legs(start=start, times=times, keep=lambda state: state, **parts)


class Moment(NamedTuple):
    """When something is traced, and how many row tiles go side by side there."""

    number: int
    wide: int


def moment(wide: int = 0) -> Moment:
    """A moment that nothing has been traced at."""
    now = next(_moments)
    if now % KEPT == 0:
        jax.clear_caches()  # a megabyte a moment would fill a long session's memory
    return Moment(now, wide)


_another = moment  # where a parameter has that name


@contextmanager
def at_moment(moment: Moment) -> Iterator[None]:
    """Nothing that JAX traced at another moment is used here.

    JAX keeps the traces of functions by their identity, so that a trace would still
    hold what a global was when a function was traced before.
    """
    with _moment(moment.number), wide(moment.wide), uncollected():
        yield


def trace(
    run: Callable, shapes: dict[str, Any], numbers: Tree, inputs: Tree, moment: Moment
) -> Traced:
    """The trace, made now, of a run for numbers and inputs of these types."""
    settled = {n: bare(v) for n, v in shapes.items()}
    found: dict[str, Any] = {"parts": {}, "times": (), "paced": False}

    def setup(numbers: dict[str, Any], inputs: dict[str, Any]) -> Any:
        result = run(**numbers, **inputs, **settled)
        taken = {*numbers, *inputs, *settled, "status"}
        if not isinstance(result, Legs):
            check_quantities(run, result, {*taken, "step"})
            return result
        flat = flattened(result)
        found["paced"] = not isinstance(flat.times, tuple)
        found["times"] = tuple(range(len(flat.times))) if found["paced"] else flat.times
        closed, returned = {}, {}
        for name, given in _walked_by(flat).items():
            function = getattr(flat, name)
            whole, returned[name] = jax.make_jaxpr(function, return_shape=True)(*given)
            made = (
                returned[name] if name in OBSERVED else jax.tree.leaves(whole.out_avals)
            )
            found["parts"][name] = Part(whole.jaxpr, jax.tree.structure(made))
            closed[name] = whole.consts
        start = jax.tree.unflatten(jax.tree.structure(result.start), flat.start)
        _check_step(run, start, returned["step"])
        time = {"leg" if found["paced"] else "step": found["times"]}
        check_walk(run, returned["observe"], returned["finish"], time, taken)
        return flat.start, closed, *([flat.times] if found["paced"] else [])

    def again() -> None:
        kept = {**found, "parts": dict(found["parts"])}
        with at_moment(_another()):
            jax.make_jaxpr(lambda *given: setup(*given))(numbers, inputs)
        found.update(kept)  # what is used is the first trace

    try:
        with at_moment(moment), no_draws_of_the_host(run, again):
            made = jax.make_jaxpr(setup, return_shape=True)
            whole, returned = with_room(partial(made, numbers, inputs))
    except TypeError as error:
        if isinstance(error, TO_BE_KNOWN) or "concrete" in str(error):
            raise TypeError(_to_be_known(run, numbers, error)) from None
        raise
    part = Part(whole.jaxpr, jax.tree.structure(returned))
    traced = Traced(part, whole.consts, **found, moment=moment)
    check_effects(run, traced.jaxprs)
    warn_of_large(run, traced.closed)
    return traced


def _to_be_known(run: Callable, numbers: Tree, error: Exception) -> str:
    """What to do where Python has to know a number, and the line that asks for it."""
    frames = traceback.extract_tb(error.__traceback__)
    library = str(Path(__file__).parents[2])
    own = [
        frame
        for frame in frames
        if "site-packages" not in frame.filename
        and not frame.filename.startswith(library)
    ]
    place = f" (line {own[-1].lineno}: {own[-1].line})" if own else ""
    return (
        f"{run.__name__}: {', '.join(numbers)} are numbers, traced{place}. What Python "
        "has to know (a shape, the length of a loop, an if) is a shape: put it after "
        "the *, or say jnp.where for an if"
    )


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


def with_room(do: Callable[[], Any]) -> Any:
    """`do()` where the stack of the interpreter has room.

    CPython keeps frames in pieces of 16 KiB, and gives one back to the system whenever
    its first frame returns: calls at such an edge take many times as long, and tracing,
    whose calls are deep, often a fifth of its time. This frame says that it needs half
    a megabyte, which begins a piece that all others fit into.
    """
    return do()


with_room.__code__ = with_room.__code__.replace(co_stacksize=2**16)

"""What a run may do and return: a pure function, to quantities with names."""

import random
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr
from numpy.random import bit_generator

from memjax.engine.asked.jaxprs import equations
from memjax.engine.asked.parameters import BadValue
from memjax.engine.asked.values import is_key
from memjax.quantities import Named

Dims = dict[str, tuple[int, tuple | None]]  # length, and labels where they are given
LARGE = 4 * 2**20  # bytes that a run may close over without a word


# --- what it may do -----------------------------------------------------------------


@contextmanager
def no_draws_of_the_host(run: Callable, again: Callable[[], Any]) -> Iterator[None]:
    """Refuse a run that draws from Python's or numpy's global random state, or from a
    generator of numpy's that it makes without a seed.

    The draw would be made once, and be the same in every run of the sweep. Other
    threads may draw from Python's meanwhile (dask's do), so where there are some it is
    watched whether this one does, tracing `again`.
    """

    def states() -> dict[str, Any]:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002  what a run may move
        return {
            "random": random.getstate(),
            "numpy.random": (name, np.asarray(keys).tobytes(), *rest),
        }

    before = states()
    with _unseeded() as made:
        yield
    drawn = ["numpy.random without a seed"] if made else []
    for source, state in states().items():
        others = source == "random" and threading.active_count() > 1
        if state != before[source] and not (others and not _draws(again)):
            drawn.append(source)
    if drawn:
        raise BadValue(
            "seed",
            f"{run.__name__} draws from {drawn[0]}, once for all runs; draw from "
            "jax.random.key(seed)",
        )


@contextmanager
def _unseeded() -> Iterator[list[int]]:
    """What this thread's new generators of numpy ask of the system for a seed."""
    source: Any = bit_generator  # whose names are not told to types
    asked, here, real = list[int](), threading.get_ident(), source.randbits

    def randbits(bits: int) -> int:
        if threading.get_ident() == here:
            asked.append(bits)
        return real(bits)

    source.randbits = randbits
    try:
        yield asked
    finally:
        source.randbits = real


def _draws(do: Callable[[], Any]) -> bool:
    """Whether what is done draws from Python's global random state in this thread."""
    own, seen = random.random.__self__, []  # type: ignore[attr-defined]

    def watched(frame: Any, event: str, called: Any) -> None:
        if event == "c_call" and getattr(called, "__self__", None) is own:
            seen.append(called)

    own.gauss_next = None  # it draws two at a time, and the second would not be seen
    before = sys.getprofile()
    sys.setprofile(watched)
    try:
        do()
    finally:
        sys.setprofile(before)
    return bool(seen)


def check_effects(run: Callable, jaxprs: Sequence[Jaxpr]) -> None:
    """Refuse callbacks to the host and other effects: a run is a pure function."""
    for jaxpr in jaxprs:
        found = {e.primitive.name for e in equations(jaxpr)}
        calls = sorted(n for n in found if "callback" in n or n == "debug_print")
        effects = [*calls, *(type(e).__name__ for e in jaxpr.effects)]
        if effects:
            raise BadValue(
                "run",
                f"{run.__name__} is not pure, it holds {effects[0]}; observe a "
                "quantity instead",
            )


def warn_of_large(run: Callable, closed: Sequence[Any]) -> None:
    """Say where arrays are compiled into a program that could be handed to it."""
    held = sum(np.size(a) * jnp.result_type(a).itemsize for a in closed)
    if held > LARGE:
        warnings.warn(
            f"{run.__name__} closes over {held / 2**20:.0f} MiB of arrays, which are "
            "compiled into the program: hand them in by inputs=",
            stacklevel=2,
        )


# --- what it may return -------------------------------------------------------------


def check_walk(
    run: Callable, observed: Any, final: Any, time: dict[str, tuple], taken: set[str]
) -> None:
    """Refuse what a walk observes where it could not be labelled."""
    for word in ("step", *time):
        if word in taken:
            raise BadValue(word, f"is the time; {run.__name__} must name it otherwise")
    taken = {*taken, "diverged_at"}
    dims = check_quantities(run, observed, {*taken, "step", *time})
    if final != {}:
        dims |= {name: (len(labels), labels) for name, labels in time.items()}
        check_quantities(run, final, {*taken, *observed}, dims)


def check_quantities(
    run: Callable, result: Any, taken: set[str], dims: Dims | None = None
) -> Dims:
    """The dimensions that quantities name; refused where names or labels clash.

    Names and dimensions of quantities are not those `taken` by axes, and what two
    quantities call the same dimension (or `dims` do) has the same labels.
    """
    name, found = run.__name__, dict(dims or {})
    if not isinstance(result, dict) or not result:
        kind = "an empty dict" if isinstance(result, dict) else type(result).__name__
        hint = "; call it with params and data" if callable(result) else ""
        raise TypeError(
            f"{name} must return a dict of named quantities, or Legs that observe one, "
            f"such as {{'loss': value}}; got {kind}{hint}"
        )
    for key, value in result.items():
        own = _dims_of(name, key, value)
        for word in (key, *own):
            if word in taken:
                raise BadValue(word, f"is taken; {name} must name {key} otherwise")
        for dim, (length, labels) in own.items():
            before, known = found.get(dim, (length, labels))
            if length != before or (labels and known and labels != known):
                raise BadValue(dim, f"has other labels in {key} than before in {name}")
            found[dim] = (length, labels or known)
    for key in found.keys() & result.keys():
        raise BadValue(key, f"is a quantity and a dimension in {name}")
    return found


def _dims_of(name: str, key: str, value: Any) -> Dims:
    """The dimensions that one quantity names."""
    if not isinstance(key, str):
        raise TypeError(f"{name}: a quantity is named by a text, not by {key!r}")
    if "/" in key:
        raise BadValue(key, f"files take no / in a name; {name} must name it otherwise")
    if len(jax.tree.leaves(value)) != 1 or isinstance(value, dict | list | tuple):
        kind = type(value).__name__
        raise TypeError(f"{name}: {key} must be one array, got a {kind}")
    if isinstance(value, str):
        raise TypeError(f"{name}: {key} must be one array, got a str")
    if is_key(value):
        raise TypeError(
            f"{name}: {key} is a random key; give jax.random.key_data of it"
        )
    if not isinstance(value, Named):
        return {}
    lengths = jnp.shape(value.value)[-len(value.axes) :]
    return {d: (n, ls) for (d, ls), n in zip(value.axes, lengths, strict=True)}

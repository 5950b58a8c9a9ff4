"""Personas that are seen in two ways."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.lanes import lane_by_lane

LATENT, HIDDEN = 16, 64


def personas(count: int, draws: int, dim: int) -> Callable[..., jax.Array]:
    """The maker of `draws` of two views each, of `count` personas.

    `views(key, noise)` is [count, draws, 2, dim]. A persona is a normal vector in 16
    dimensions; each of two random networks, tanh between two layers, makes a view of
    it, to which every draw adds noise of this deviation. Fewer personas are a prefix.
    """

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, ...]:
        at, first, second, noise = jax.random.split(key, 4)
        shapes = ((count, LATENT), (2, LATENT, HIDDEN), (2, HIDDEN, dim))
        made = zip((at, first, second), shapes, strict=True)
        normal = jax.random.normal
        return *(normal(k, s) for k, s in made), normal(noise, (count, draws, 2, dim))

    def views(key: jax.Array, noise: Any) -> jax.Array:
        who, first, second, apart = draw(key)
        hidden = jnp.tanh(jnp.einsum("na,vah->nvh", who, first) / LATENT**0.5)
        clean = jnp.einsum("nvh,vhd->nvd", hidden, second) / HIDDEN**0.5
        return clean[:, None] + noise * apart

    return views

"""Texts whose class shows in how often which token is in them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.datasets.parts import Parts, mislabeled
from memjax.lanes import lane_by_lane


def topics(
    tokens: int, length: int, classes: int, capacity: int
) -> Callable[..., Parts]:
    """The maker of `capacity` texts [length] of classes with a law of tokens each.

    `dataset(key, size, noise, sharpness)`: the first `size` are trained on, by labels
    that are wrong at probability `noise`, the others are the test. The log law of a
    class is `sharpness` times standard normals: 0 leaves nothing to tell classes by.
    """
    if min(tokens, length, classes, capacity) < 1:
        raise ValueError(f"{capacity} texts of {length} of {tokens} tokens")

    @lane_by_lane
    def draw(key: jax.Array, sharpness: Any) -> tuple[jax.Array, jax.Array]:
        law_key, class_key, text_key = jax.random.split(key, 3)
        law = sharpness * jax.random.normal(law_key, (classes, tokens))
        truth = jax.random.randint(class_key, (capacity,), 0, classes)
        # By its law's inverse: a draw for every token of a text would be much longer.
        u = jax.random.uniform(text_key, (capacity, length))
        edges = jnp.cumsum(jax.nn.softmax(law), axis=1)[truth, :-1]
        return jnp.sum(u[:, :, None] >= edges[:, None], axis=2), truth

    def dataset(
        key: jax.Array, size: Any, noise: Any = 0.0, sharpness: Any = 1.0
    ) -> Parts:
        text_key, noise_key = jax.random.split(key)
        x, truth = draw(text_key, jnp.asarray(sharpness, float))
        train = jnp.arange(capacity) < size
        dials: Any = {"classes": classes, "noise": noise}
        return mislabeled(noise_key, x, truth, train, ~train, **dials)

    return dataset

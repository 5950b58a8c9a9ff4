"""Points in parts: to train on, some by wrong labels, and to test on."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.measure import Data


def uniform_on(member: jax.Array) -> jax.Array:
    """The uniform measure on a set of points [n], zero where it is empty."""
    return member / jnp.maximum(jnp.sum(member), 1)


def subset(key: jax.Array, member: jax.Array, count: Any) -> jax.Array:
    """Which points [n] are of a random part of so many, which may be traced.

    Of those that are a `member` [n]; all of them where they are fewer. Smaller parts of
    one key are inside larger ones.
    """
    draw = jnp.where(member, jax.random.uniform(key, member.shape), 2.0)
    place = jnp.argsort(jnp.argsort(draw))
    return member & (place < count)


class Parts(NamedTuple):
    """Measures on the same points: `train` is made of `clean` and `noisy`.

    `y` holds the labels as given, `truth` the right ones; they differ on `noisy` only.
    Every measure is uniform on its part; what is integrated over an empty one is NaN.
    """

    train: Data
    clean: Data
    noisy: Data
    test: Data
    truth: jax.Array  # [n]


def mislabeled(
    key: jax.Array,
    x: Any,
    truth: jax.Array,
    train: jax.Array,
    test: jax.Array,
    *,
    classes: int,
    noise: Any,
) -> Parts:
    """The parts of points when a label trained on is, at probability `noise`, wrong.

    `train` and `test` [n] are true on the points of each; others have no part. A wrong
    label is uniform among the wrong ones, and growing noise only adds wrong labels.
    """
    if classes < 2:
        raise ValueError(f"a wrong label needs 2 or more classes, got {classes}")
    chosen_key, wrong_key = jax.random.split(key)
    noisy = train & (jax.random.uniform(chosen_key, truth.shape) < noise)
    shift = jax.random.randint(wrong_key, truth.shape, 1, classes)
    y = jnp.where(noisy, (truth + shift) % classes, truth)

    def part(member: jax.Array) -> Data:
        count = jnp.sum(member)
        share = jnp.where(count > 0, 1 / count, jnp.nan)
        return Data(x, y, jnp.where(member, share, 0 * share))

    return Parts(part(train), part(train & ~noisy), part(noisy), part(test), truth)

"""Arithmetic modulo p: a table of every pair, of which a share is learned from."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.datasets.parts import Parts, mislabeled
from memjax.measure import entry

Operation = Callable[[jax.Array, jax.Array, int], jax.Array]


def modular_sum(a: jax.Array, b: jax.Array, p: int) -> jax.Array:
    """a + b modulo p."""
    return (a + b) % p


def modular_difference(a: jax.Array, b: jax.Array, p: int) -> jax.Array:
    """a − b modulo p."""
    return (a - b) % p


def modular_product(a: jax.Array, b: jax.Array, p: int) -> jax.Array:
    """a × b modulo p."""
    return (a * b) % p


def modular_quotient(a: jax.Array, b: jax.Array, p: int) -> jax.Array:
    """a / b modulo a prime p, and -1 where b is 0."""
    if any(p % q == 0 for q in range(2, int(p**0.5) + 1)):
        raise ValueError(f"division needs a prime modulus, got {p}")
    inverse = jnp.array([0, *(pow(q, -1, p) for q in range(1, p))])
    return jnp.where(b == 0, -1, (a * inverse[b]) % p)


def modular(p: int, operation: Operation = modular_sum) -> Callable[..., Parts]:
    """The maker of the table of all pairs: row `a * p + b` is `([a, b], a ∘ b)`.

    `dataset(key, share, noise)`: a random `share` of the rows is trained on, the others
    are the test; a label trained on is, at probability `noise`, a wrong one (see
    `mislabeled`). Growing shares only add points. An operation is `operation(a, b, p)`;
    rows where it is negative, undefined, have no part in anything.
    """
    if p < 2:
        raise ValueError(f"a modulus must be 2 or more, got {p}")

    def dataset(key: jax.Array, share: Any, noise: Any = 0.0) -> Parts:
        order_key, noise_key = jax.random.split(key)
        x = jnp.stack(jnp.divmod(jnp.arange(p * p), p), axis=1)  # [p * p, 2]
        truth = operation(x[:, 0], x[:, 1], p).astype(jnp.int32)
        defined = truth >= 0
        order = jax.random.uniform(order_key, (p * p,))
        rank = jnp.argsort(jnp.argsort(jnp.where(defined, order, 2.0)))
        train = rank < jnp.round(share * jnp.sum(defined))
        test = defined & ~train
        label = jnp.where(defined, truth, 0)  # a class, also where it does not count
        return mislabeled(noise_key, x, label, train, test, classes=p, noise=noise)

    return dataset


class Reflection(NamedTuple):
    """The pairs (a, b) in order, the row each is taken to, and which stay: all [p²]."""

    a: jax.Array
    b: jax.Array
    mirror: jax.Array
    fixed: jax.Array


def reflection(p: int, shift: Any = 0) -> Reflection:
    """The map of all pairs that takes (a, b) to (b - shift, a + shift), modulo p."""
    a, b = jnp.divmod(jnp.arange(p * p), p)
    mirror = (b - shift) % p * p + (a + shift) % p
    return Reflection(a, b, mirror, mirror == a * p + b)


def held_out(key: jax.Array, of: Reflection, moved: Any, paired: Any) -> jax.Array:
    """Which pairs [p²] to test on: the fixed points, and so many others `moved` there.

    Others are drawn at random or, where `paired` is 1, with their mirror images, which
    makes an odd number one more. Growing numbers only add points.
    """
    draw = jax.random.uniform(key, of.fixed.shape)
    draw = jnp.where(paired > 0, jnp.minimum(draw, draw[of.mirror]), draw)
    rank = jnp.argsort(jnp.argsort(jnp.where(of.fixed, 2.0, draw)))
    count = jnp.where(paired > 0, 2 * ((moved + 1) // 2), moved)
    return of.fixed | (rank < count)


def one_hot_pair(x: jax.Array, p: int) -> jax.Array:
    """One pair `x` [2] as the two unit vectors `e_a ⊕ e_b` [2p]."""
    return entry(jnp.eye(p), x).reshape(2 * p)

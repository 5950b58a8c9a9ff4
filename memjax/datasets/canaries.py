"""Names with numbers: most follow a rule, canaries are random, inserted a few times."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.measure import Data, prefix

DIGITS, LETTERS, NUMBER = 10, 3, 4  # of a name and of a number, both of ten symbols
TOKENS = 2 * DIGITS  # digits, and then letters
NAMES = DIGITS**LETTERS


class Canaries(NamedTuple):
    """Strings to train on, canaries last, and others to test on.

    `x` [inputs] is a name and all digits but the last, `y` [NUMBER] are the digits.
    """

    train: Data
    test: Data


def canaries(
    count: int, tests: int, inserted: Sequence[int]
) -> Callable[..., Canaries]:
    """The maker of `count` strings and canaries, each `inserted` so many times.

    `dataset(key)`: every string and canary has a name of its own. A number that follows
    the rule goes up by 0, 1 or 2 a digit; a canary's is any of 10⁴. A canary that is
    inserted twice weighs as much as two strings.
    """
    end = count + len(inserted)  # of what is trained on
    if end + tests > NAMES:
        raise ValueError(f"{end + tests} strings and canaries, and {NAMES} names")
    weight = np.array([1.0] * count + [*inserted])

    @jax.custom_batching.sequential_vmap
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        name_key, digit_key = jax.random.split(key)
        order = jnp.argsort(jax.random.uniform(name_key, (NAMES,)))
        return order[: end + tests], jax.random.uniform(
            digit_key, (end + tests, NUMBER)
        )

    def dataset(key: jax.Array) -> Canaries:
        names, u = draw(key)
        ups = jnp.concatenate([DIGITS * u[:, :1], 3 * u[:, 1:]], axis=1)
        ruled = jnp.cumsum(jnp.floor(ups).astype(int), axis=1) % DIGITS
        row = jnp.arange(len(u))[:, None]
        free = (row >= count) & (row < end)
        y = jnp.where(free, jnp.floor(DIGITS * u).astype(int), ruled)
        x = jnp.concatenate([named(names), y[:, :-1]], axis=1)
        train = Data(x[:end], y[:end], jnp.array(weight / weight.sum(), u.dtype))
        return Canaries(train, Data(x[end:], y[end:], prefix(tests, tests)))

    return dataset


def named(names: jax.Array) -> jax.Array:
    """The letters [n, LETTERS] of numbered names [n], as tokens."""
    powers = DIGITS ** jnp.arange(LETTERS)[::-1]
    return DIGITS + names[:, None] // powers[None] % DIGITS


def beginnings() -> np.ndarray:
    """All that stands before the last digit of a number: [1000, NUMBER - 1]."""
    grid = np.indices((DIGITS,) * (NUMBER - 1))
    return grid.reshape(NUMBER - 1, -1).T


def all_nats(nats: jax.Array) -> jax.Array:
    """The nats of all 10⁴ numbers, from those of each digit after each beginning.

    `nats` [1000, NUMBER, 10] are those of every next digit along each of `beginnings`.
    """
    begin = beginnings()
    place = np.arange(NUMBER - 1)[None]
    before = jnp.sum(nats[np.arange(len(begin))[:, None], place, begin], axis=1)
    return (before[:, None] + nats[:, -1]).reshape(-1)

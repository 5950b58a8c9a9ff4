"""Sequences of digits and letters that follow a pattern more or less closely.

The sub-datasets of Panwar et al. (Transformers Seek Patterns for Memorization, 2025),
as known from notes of others. Tokens 0 … 9 are digits, the 26 after them letters. A
pattern is `pattern(key, shared, length, **dials)`: the tokens of one sequence, from a
key of its own and one that all of a set share.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix

DIGITS, LETTERS = 10, 26
TOKENS = DIGITS + LETTERS
MAPPED, IMAGE = 10, 3  # of `mapped`: so many letters have so many digits each
TABLE, TERMS = 30, 8  # of `tabled`: its length, and how many digits are added


def patterned(
    pattern: Callable[..., jax.Array], length: int, capacity: int
) -> Callable[..., Data]:
    """The maker of `capacity` sequences of a pattern, of which `size` carry weight.

    `dataset(key, size, **dials)`: `x` [length] are tokens, `y` those that follow, -1
    after the last. Dials are the pattern's. Smaller sets are prefixes of larger ones,
    and shorter sequences need not be.
    """

    @lane_by_lane
    def draw(key: jax.Array, dials: dict[str, jax.Array]) -> jax.Array:
        own, shared = jax.random.split(key)

        def row(i: jax.Array) -> jax.Array:
            return pattern(jax.random.fold_in(own, i), shared, length, **dials)

        return jax.vmap(row)(jnp.arange(capacity))

    def dataset(key: jax.Array, size: Any, **dials: Any) -> Data:
        x = draw(key, {name: jnp.asarray(d, float) for name, d in dials.items()})
        y = jnp.pad(x[:, 1:], ((0, 0), (0, 1)), constant_values=-1)
        return Data(x, y, prefix(size, capacity))

    return dataset


def shuffled(pattern: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """The pattern with the sequences of another, their tokens in random order."""

    def mixed(key: jax.Array, shared: Any, length: int, **dials: Any) -> jax.Array:
        own, order = jax.random.split(key)
        tokens = pattern(own, shared, length, **dials)
        return tokens[jnp.argsort(jax.random.uniform(order, (length,)))]

    return mixed


# --- the patterns ---------------------------------------------------------------------


def random_digits(key: jax.Array, shared: Any, length: int) -> jax.Array:
    """Independent digits."""
    return jax.random.randint(key, (length,), 0, DIGITS)


def counting(key: jax.Array, shared: Any, length: int) -> jax.Array:
    """MI: every digit is the one before and 1, modulo 10."""
    return (random_digits(key, shared, 1)[0] + jnp.arange(length)) % DIGITS


def jumping(key: jax.Array, shared: Any, length: int, rate: Any = 0.15) -> jax.Array:
    """MIJ: counting, but at a `rate` a digit is any digit."""
    return _jumps(key, length, rate)[0]


def lettered(key: jax.Array, shared: Any, length: int, rate: Any = 0.15) -> jax.Array:
    """MIJL: jumping, and after each jump a letter, the one after the last letter."""
    digits, jumped = _jumps(key, length, rate)
    before = jnp.cumsum(jumped) - jumped  # letters
    place = jnp.arange(length) + before
    letter = DIGITS + before % LETTERS
    after = jnp.where(jumped, place + 1, length)  # nowhere, without a jump
    tokens = jnp.zeros(length, int).at[place].set(digits, mode="drop")
    return tokens.at[after].set(letter, mode="drop")


def _jumps(key: jax.Array, length: int, rate: Any) -> tuple[jax.Array, jax.Array]:
    """Digits that count between jumps, and where they jumped; the first did not."""
    when, where = jax.random.split(key)
    place = jnp.arange(length)
    jumped = (jax.random.uniform(when, (length,)) < rate) & (place > 0)
    digit = jax.random.randint(where, (length,), 0, DIGITS)
    last = jax.lax.cummax(jnp.where(jumped, place, 0))
    return (digit[last] + place - last) % DIGITS, jumped


def mapped(key: jax.Array, shared: jax.Array, length: int, own: Any = 0.0) -> jax.Array:
    """ICM: each of ten letters is followed by the three digits that it is mapped to.

    The map is the set's or, where `own` is 1, the sequence's.
    """
    letter_key, map_key = jax.random.split(key)
    shape = (MAPPED, IMAGE)
    maps = [jax.random.randint(k, shape, 0, DIGITS) for k in (shared, map_key)]
    image = jnp.where(own > 0, maps[1], maps[0])
    count = -(-length // (1 + IMAGE))
    letters = jax.random.randint(letter_key, (count,), 0, MAPPED)
    groups = jnp.concatenate([DIGITS + letters[:, None], image[letters]], axis=1)
    return groups.ravel()[:length]


def repeating(key: jax.Array, shared: Any, length: int, rate: Any = 0.1) -> jax.Array:
    """Random digits, of which at a `rate` one is that five places before."""
    when, what = jax.random.split(key)
    place, back = jnp.arange(length), 5
    copied = (jax.random.uniform(when, (length,)) < rate) & (place >= back)

    def step(last: jax.Array, now: tuple) -> tuple[jax.Array, jax.Array]:
        digit, copies = now
        token = jnp.where(copies, last[0], digit)
        return jnp.append(last[1:], token), token

    digits = random_digits(what, shared, length)
    return jax.lax.scan(step, jnp.zeros(back, int), (digits, copied))[1]


def every_seventh(
    key: jax.Array, shared: Any, length: int, share: Any = 0.1
) -> jax.Array:
    """Random digits; in a `share` of the sequences every seventh is the same."""
    which, what = jax.random.split(key)
    digits = random_digits(what, shared, length)
    same = jax.random.uniform(which) < share
    return jnp.where(same & (jnp.arange(length) % 7 == 6), digits[0], digits)


def tabled(key: jax.Array, shared: jax.Array, length: int) -> jax.Array:
    """After eight random digits, that of a table of 30 at the sum of the last eight.

    Modulo 30; the table is the set's (whose it is in the source is not known to us).
    """
    table = random_digits(shared, None, TABLE)

    def step(last: jax.Array, start: jax.Array) -> tuple[jax.Array, jax.Array]:
        token = table[jnp.sum(last) % TABLE]
        return jnp.append(last[1:], token), token

    start = random_digits(key, shared, TERMS)
    rest = jax.lax.scan(step, start, None, max(length - TERMS, 0))[1]
    return jnp.concatenate([start, rest])[:length]

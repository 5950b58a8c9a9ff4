"""A long tail of groups, and a network that learns some of its points."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

import memjax as mj

DIM, CLASSES, GROUPS, WIDTH = 32, 10, 200, 64
TOGETHER = 4  # models in a chunk: as many as share a core's cache
model = mj.models.mlp((DIM, WIDTH, CLASSES))


class Table(NamedTuple):
    """Points to train on, labels as given, and to test on; what is drawn besides."""

    train: mj.Data
    test: mj.Data
    wrong: jax.Array  # 1 where a label to train on is wrong
    mask_key: jax.Array
    init_key: jax.Array


def table(
    seed: Any, alpha: Any, spread: Any, noise: Any, size: int, tests: int
) -> Table:
    """The data of a seed: `size` points, some with wrong labels, and `tests` more."""
    keys = jax.random.split(jax.random.key(seed), 4)
    count = size + tests
    maker = mj.datasets.subpopulations(DIM, CLASSES, GROUPS, count)
    drawn = maker(keys[0], count, alpha, spread)
    train = jnp.arange(count) < size
    given = (drawn.x, drawn.y.label, train, ~train)
    parts = mj.datasets.mislabeled(keys[1], *given, classes=CLASSES, noise=noise)
    label = parts.train.y
    data = mj.Data(drawn.x, drawn.y._replace(label=label), parts.train.w)
    first = jax.tree.map(lambda a: a[:size], data)
    last = jax.tree.map(lambda a: a[size:], data._replace(w=parts.test.w))
    return Table(first, last, 1.0 * (label != parts.truth)[:size], *keys[2:])


def loss(params: Any, x: jax.Array, y: Any) -> jax.Array:
    """Cross-entropy of the label as given."""
    return mj.losses.cross_entropy(model.apply(params, x), y.label)


def right(params: Any, x: jax.Array, y: Any) -> jax.Array:
    """Whether the label as given is the answer."""
    return mj.observables.accuracy(model.apply(params, x), y.label)


def answers(params: Any, data: mj.Data) -> jax.Array:
    """What is right of each point [n]."""
    return jax.vmap(partial(right, params))(data.x, data.y)


def drawn(seen: Table, mask: Any, share: Any) -> jax.Array:
    """The points that the model of this number sees: so large a share."""
    key = jax.random.fold_in(seen.mask_key, mask)
    all_of_them = seen.train.w > 0
    return mj.datasets.subset(key, all_of_them, jnp.round(share * len(all_of_them)))


def legs(
    seen: Table, held: jax.Array, start: Any, lr: Any, steps: int, **end: Any
) -> mj.Legs:
    """The run on the points that are `held`, from the start of this number."""
    train = seen.train._replace(w=held / jnp.sum(held))

    def observe(params: Any) -> dict[str, jax.Array]:
        return {"accuracy": mj.expect(lambda x, y: right(params, x, y), train)}

    fit = mj.train(loss, optax.adam(lr), observe, (0, steps), **end)
    return fit(model.init(jax.random.fold_in(seen.init_key, start)), train)


def in_chunks(f: Callable, several: Any) -> Any:
    """`f` of each of several, a few at a time."""
    return jax.lax.map(f, several, batch_size=TOGETHER)

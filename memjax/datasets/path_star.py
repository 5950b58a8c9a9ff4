"""Path-star graphs as sequences: to know by heart, or given in each sequence.

As Noroozizadeh et al. have them (arXiv 2510.26745): arms of equal length meet at a
root, and the way to a leaf is to be told from the root. Tokens are those of `SPECIALS`,
then nodes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix

SPECIALS = ("edge", "path", "pause")
EDGE, PATH, PAUSE = range(len(SPECIALS))
ROOT = len(SPECIALS)  # the first node; those of one arm follow those of another


class PathStar(NamedTuple):
    """What there is to know of a path-star by heart.

    After `edge u` comes a node next to u. After `path leaf pause …` come the nodes from
    root to leaf; `train` and `test` are measures on the same paths, whose targets are
    -1 where nothing is to be told. A sequence has no token for its end.
    """

    edges: Data  # x [2], y a token
    train: Data  # x [1 + pauses + nodes], y the same
    test: Data


def tokens(arms: int, nodes: int) -> int:
    """The vocabulary of path-stars of so many arms, on paths of so many nodes."""
    return ROOT + 1 + arms * (nodes - 1)


def path_star(max_arms: int, nodes: int, pauses: int = 1) -> Callable[..., PathStar]:
    """The maker of path-stars of up to so many arms, on paths of `nodes`, root to leaf.

    `dataset(key, arms, share, forward, backward, reverse)`: the paths to a random
    `share` of the leaves are trained on, the others are the test; all edges are known.
    Edges away from the root weigh `forward`, those towards it `backward`. Where
    `reverse` is 1 paths are told from leaf to root. Nodes have their names in order,
    since at the start all rows of an embedding are alike.
    """
    if max_arms < 1 or nodes < 2 or pauses < 0:
        raise ValueError(f"{max_arms} arms of {nodes} nodes, {pauses} pauses")
    outer = ROOT + 1 + np.arange(max_arms * (nodes - 1)).reshape(max_arms, -1)
    paths = np.pad(outer, ((0, 0), (1, 0)), constant_values=ROOT)  # [arms, nodes]
    draw = lane_by_lane(lambda key: jax.random.uniform(key, (max_arms,)))

    def dataset(
        key: jax.Array,
        arms: Any,
        share: Any = 0.75,
        forward: Any = 1.0,
        backward: Any = 1.0,
        reverse: Any = 0,
    ) -> PathStar:
        path, there = jnp.asarray(paths), prefix(arms, max_arms)
        order = jnp.where(there > 0, draw(key), 2.0)
        rank = jnp.argsort(jnp.argsort(order))
        train = there * (rank < jnp.round(share * arms))
        points = _told(path, jnp.where(reverse > 0, path[:, ::-1], path), pauses)
        parts = (Data(*points, w / jnp.sum(w)) for w in (train, there - train))
        return PathStar(_edges(path, there, forward, backward), *parts)

    return dataset


def _edges(path: jax.Array, there: jax.Array, forward: Any, backward: Any) -> Data:
    """Every edge of every arm, away from the root and back, arm after arm."""
    u = jnp.stack([path[:, :-1], path[:, 1:]], axis=2)  # [arms, nodes - 1, 2]
    ways = jnp.stack([jnp.asarray(w, float) for w in (forward, backward)])
    w = (there[:, None, None] * jnp.broadcast_to(ways, u.shape)).ravel()
    x = jnp.stack([jnp.full(u.size, EDGE), u.ravel()], axis=1)
    return Data(x, u[:, :, ::-1].ravel(), w / jnp.sum(w))


def _told(path: jax.Array, told: jax.Array, pauses: int) -> tuple[jax.Array, jax.Array]:
    """The sequences that ask for paths, and what is `told` in them: [arms, length]."""
    arms = len(path)
    pause = jnp.full((arms, pauses), PAUSE)
    asked = [jnp.full((arms, 1), PATH), path[:, -1:], pause]
    x = jnp.concatenate([*asked, told[:, :-1]], axis=1)
    return x, jnp.pad(told, ((0, 0), (1 + pauses, 0)), constant_values=-1)


def path_star_in_context(
    arms: int, nodes: int, names: int, capacity: int
) -> Callable[..., Data]:
    """The maker of sequences that each give a path-star of their own, and ask a path.

    `dataset(key, size)`: its nodes have so many different tokens from `ROOT` on. All
    edges `edge u v`, away from the root, in random order; then `path root leaf`, after
    which the nodes from root to leaf are to be told. Targets are -1 before. Smaller
    sets are prefixes of larger ones.
    """
    count = arms * (nodes - 1)
    if arms < 1 or nodes < 2 or names <= count:
        raise ValueError(f"{arms} arms of {nodes} nodes have more than {names} names")

    def sequence(u: jax.Array) -> tuple[jax.Array, jax.Array]:
        outer = 1 + jnp.arange(count).reshape(arms, -1)
        path = jnp.pad(outer, ((0, 0), (1, 0)))
        by_name, by_edge, by_arm = jnp.split(u, [names, names + count])
        named = ROOT + jnp.argsort(by_name)[path]  # [arms, nodes]
        edges = jnp.stack([named[:, :-1].ravel(), named[:, 1:].ravel()], axis=1)
        shown = jnp.pad(edges, ((0, 0), (1, 0)), constant_values=EDGE)
        told = named[(by_arm[0] * arms).astype(int)]
        asked = jnp.stack([jnp.full((), PATH), told[0], told[-1]])
        x = jnp.concatenate([shown[jnp.argsort(by_edge)].ravel(), asked, told[1:-1]])
        return x, jnp.pad(told[1:], (len(x) - nodes + 1, 0), constant_values=-1)

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.vmap(sequence)(
            jax.random.uniform(key, (capacity, names + count + 1))
        )

    def dataset(key: jax.Array, size: Any) -> Data:
        x, y = draw(key)
        return Data(x, y, prefix(size, capacity))

    return dataset

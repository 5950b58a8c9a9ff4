"""A long tail: many small groups of points, each with a label of its own."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from memjax.datasets.random_labels import classes_at, power_law
from memjax.measure import Data, prefix


class Member(NamedTuple):
    """The label of a point, which is that of its group, and the group's number."""

    label: jax.Array
    group: jax.Array


def subpopulations(
    dim: int, classes: int, groups: int, capacity: int
) -> Callable[..., Data]:
    """The maker of `capacity` points of so many groups, of which `size` carry weight.

    `dataset(key, size, alpha, spread)`: the k-th group is drawn as often as k^-alpha;
    its points are Gaussian around a Gaussian center in `dim` dimensions, of deviation
    `spread`, and have one random label, in a `Member`. Smaller sets are prefixes of
    larger ones, and points after them test what was learned.
    """

    @jax.custom_batching.sequential_vmap
    def draw(key: jax.Array) -> tuple[jax.Array, ...]:
        at, point, group, label = jax.random.split(key, 4)
        centers = jax.random.normal(at, (groups, dim))
        noise = jax.random.normal(point, (capacity, dim))
        u = jax.random.uniform(group, (capacity,))
        return centers, noise, u, jax.random.randint(label, (groups,), 0, classes)

    def dataset(key: jax.Array, size: Any, alpha: Any = 1.0, spread: Any = 0.3) -> Data:
        centers, noise, u, labels = draw(key)
        group = classes_at(u, power_law(groups, alpha))
        x = centers[group] + spread * noise
        return Data(x, Member(labels[group], group), prefix(size, capacity))

    return dataset

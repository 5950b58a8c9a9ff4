"""Images of blobs: a class is where the blob lies."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import lane_by_lane
from memjax.measure import Data, prefix

MARGIN, WIDTH = 0.12, 0.18  # of an image's side: around the grid, and of a blob
JITTER = 0.1  # the most of a class's own noise, which is a fifth of that of a point


def blobs(side: int, classes: int, capacity: int) -> Callable[..., Data]:
    """The maker of images [side, side, 1] of a blob, which is the class, on a grid.

    `dataset(key, size, noise)`: every pixel of every image has noise of this deviation,
    and classes have some of their own that all of their images share; what is below 0
    or above 1 is cut. Smaller sets are prefixes of larger ones.
    """
    row, column = np.divmod(np.arange(classes), cells := int(np.ceil(classes**0.5)))
    step = side * (1 - 2 * MARGIN) / cells
    at = [side * MARGIN + (place + 0.5) * step for place in (row, column)]
    apart = [(np.arange(side) - place[:, None]) ** 2 for place in at]
    far = apart[0][:, :, None] + apart[1][:, None, :]
    clean = jnp.asarray(np.exp(-far / (2 * (WIDTH * side) ** 2)), jnp.float32)

    @lane_by_lane
    def draw(key: jax.Array) -> tuple[jax.Array, ...]:
        own, point, label = jax.random.split(key, 3)
        y = jax.random.randint(label, (capacity,), 0, classes)
        noise = jax.random.normal(point, (capacity, side, side))
        return jax.random.normal(own, clean.shape), noise, y

    def dataset(key: jax.Array, size: Any, noise: Any) -> Data:
        own, each, y = draw(key)
        seen = clean + jnp.minimum(JITTER, 0.2 * noise) * own
        x = jnp.clip(seen[y] + noise * each, 0.0, 1.0)
        return Data(x[..., None], y, prefix(size, capacity))

    return dataset

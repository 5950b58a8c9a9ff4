"""Points that are targets of one another."""

from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Data, prefix


def successors(x: jax.Array, size: Any, ahead: Any) -> Data:
    """The first `size` of points, each to be mapped to the one `ahead` of it.

    To itself where that is 0. The last one is followed by the first.
    """
    target = (jnp.arange(len(x)) + ahead) % size
    return Data(x, x[target], prefix(size, len(x)))

"""Whether a classifier is right as often as it says."""

import jax
import jax.numpy as jnp


def calibration_error(
    law: jax.Array, label: jax.Array, w: jax.Array, bins: int = 15
) -> jax.Array:
    """The expected calibration error of distributions `law` [n, c] on a measure.

    Points go by their largest probability into bins of equal width, open below; it is
    the mean over bins of how far that is from the share of right ones (Guo et al.,
    arXiv 1706.04599). `label` and the weights `w` are [n].
    """
    sure = jnp.max(law, axis=1)
    right = (jnp.argmax(law, axis=1) == label).astype(sure.dtype)
    place = jnp.clip(jnp.ceil(sure * bins) - 1, 0, bins - 1).astype(int)
    gap = jnp.zeros(bins).at[place].add(w * (right - sure))
    return jnp.sum(jnp.abs(gap))

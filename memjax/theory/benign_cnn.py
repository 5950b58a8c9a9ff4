"""Signal and noise in a two-layer convolutional network, whatever its dimension.

Points have two patches, a signal `y µ` and noise ξ orthogonal to it. The network is
`F_+ - F_-`, each the mean over its filters of `relu(⟨w, yµ⟩)^q + relu(⟨w, ξ⟩)^q`, and
gradient descent on the logistic loss moves filters along µ and along the noise patches
of the training points alone. So what filters give on those obeys a recursion of its
own, in which the patches enter by their Gram matrix. In many dimensions that is d times
the identity: then the signal of a filter grows with `|µ|²` and with all points, and
noise with d and its own point, the decomposition of Cao et al., arXiv 2202.06526.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Outputs(NamedTuple):
    """What filters give before the activation."""

    signal: jax.Array  # on µ: [2, width]
    noise: jax.Array  # on the noise patch of every point: [2, width, n]


def values(outputs: Outputs, y: jax.Array, q: int) -> jax.Array:
    """The network's values `F_+ - F_-` at points of labels ±1: [n]."""
    on_signal = outputs.signal[..., None] * y[None, None, :]
    each = jax.nn.relu(on_signal) ** q + jax.nn.relu(outputs.noise) ** q
    up, down = jnp.mean(each, axis=1)
    return up - down


def step(
    outputs: Outputs, y: jax.Array, w: jax.Array, gram: Any, power: Any, lr: Any, q: int
) -> Outputs:
    """The outputs after a step on the mean loss of points of weights `w` [n].

    `power` is `|µ|²` and `gram` [n, n] that of the noise patches, or the number d for
    patches that are orthogonal, of length √d.
    """
    pull = w * jax.nn.sigmoid(-y * values(outputs, y, q)) * lr / outputs.signal.shape[1]
    on_signal = outputs.signal[..., None] * y[None, None, :]
    rise, own = (
        q * jax.nn.relu(v) ** (q - 1) * pull[None, None, :]
        for v in (on_signal, outputs.noise)
    )
    along = own * y[None, None, :]
    moved = along @ gram if jnp.ndim(gram) else along * gram
    sign = jnp.where(jnp.arange(2) == 0, 1.0, -1.0)[:, None]  # of F_+ and F_-
    return Outputs(
        outputs.signal + sign * power * jnp.sum(rise, axis=2),
        outputs.noise + sign[..., None] * moved,
    )


def new_noise(
    key: jax.Array, start: Outputs, end: Outputs, scale: Any, d: Any, tests: int
) -> jax.Array:
    """What filters give on new noise patches, training's orthogonal: [2, width, tests].

    Filters began with normals of deviation `scale`. On a new patch they give what those
    do, and by its overlaps with the patches of training what they learned of these.
    """
    first_key, overlap_key = jax.random.split(key)
    count = end.noise.shape[2]
    begun = scale * jax.random.normal(first_key, (*end.signal.shape, tests))
    overlaps = jax.random.normal(overlap_key, (count, tests))
    learned = (end.noise - start.noise) / d
    return jnp.sqrt(d) * (begun + learned @ overlaps)

"""A selective state-space model of one sequence (Gu and Dao, arXiv 2312.00752)."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.measure import Model
from memjax.models.mlp import Scheme, lecun
from memjax.models.tokens import (
    Params,
    affine,
    answered,
    drawing,
    embedded,
    no_norm,
    normed,
    present,
    ranged,
    taken,
    traced_once,
)

STEPS = (1e-3, 1e-1)  # the first and last channel's step of time at the start


def mamba(
    vocabulary: int,
    width: int,
    layers: int = 1,
    *,
    states: int = 16,
    window: int = 4,
    expand: int = 2,
    classes: int = 0,
    norm: bool = True,
    scheme: Scheme = lecun,
) -> Model:
    """From a sequence of any length to the logits at its positions, as `transformer`.

    A layer is a LayerNorm where there is a `norm` (and one at the end), then `expand`
    times the width of channels: a causal convolution over a `window`, a scan of so many
    `states` each, whose steps of time, inputs and outputs depend on the token, and a
    gate. It is added to the stream. Logits are tied, or those of `classes`.

    `init(key, scale, embed)` multiplies random weights by `scale`, the embedding by
    `embed` as well. Decays start at 1 … `states`, steps of time log-spaced over the
    channels (at random in the source), skips at 1, biases at 0. For `apply` see
    `_apply`.
    """
    channels, rank = expand * width, -(-width // 16)
    tables = {"embed": vocabulary, **({"unembed": classes} if classes else {})}
    weights = {"into": (width, 2 * channels), "conv": (window, channels)}
    weights |= {"select": (channels, rank + 2 * states), "delta": (rank, channels)}
    weights |= {"out": (channels, width)}
    draw = drawing(scheme, width, tables, layers, weights)

    def init(key: jax.Array, scale: Any = 1.0, embed: Any = 1.0) -> Params:
        drawn = jax.tree.map(lambda a: scale * a, draw(key))
        drawn["embed"] *= embed
        drawn["layers"] |= _fixed(layers, channels, states)
        if not norm:
            return drawn
        drawn["layers"]["norm"] = no_norm(layers, width)
        return {**drawn, "norm": no_norm(width)}

    return Model(init, _apply)


def _fixed(layers: int, channels: int, states: int) -> Params:
    """What every start of layers has in common."""
    steps = np.geomspace(*STEPS, channels)
    start = {
        "conv_bias": np.zeros(channels),
        "delta_bias": np.log(np.expm1(steps)),
        "decay": np.log(np.ones((channels, 1)) * np.arange(1, states + 1)),
        "skip": np.ones(channels),
    }
    return {
        name: jnp.stack([jnp.asarray(a, float)] * layers) for name, a in start.items()
    }


def _apply(
    params: Params, x: jax.Array, *, at: Any = None, norms: Any = 1.0
) -> jax.Array:
    """The logits [n, c] of tokens `x` [n], -1 where there is none, or of vectors.

    `at` and `norms` are as for the transformer. What is no token leaves all states as
    they are, but stands in the windows of those that follow, as zeros.
    """
    at = ranged(at, x)
    stream, live = embedded(params["embed"], x), present(x)
    block, last = (partial(_block, None, rows, live) for rows in (None, at))
    return answered(params, stream, block, last, norms, at)


@traced_once
def _block(
    how: None,
    at: Any,
    live: jax.Array,
    layer: Params,
    norm: Any,
    stream: jax.Array,
) -> jax.Array:
    """The rows `at` some places of the stream [n, width] after a layer."""
    rows = partial(taken, at=at)
    read = normed(stream, layer["norm"], norm) if "norm" in layer else stream
    entered, gate = jnp.split(layer["into"], 2, axis=1)
    u = jnp.where(live[:, None], read @ entered, 0.0)  # [n, channels]
    u = jax.nn.silu(_convolved(u, layer["conv"]) + layer["conv_bias"][None])
    y = _scanned(layer, u, live) + u * layer["skip"][None]
    return rows(stream) + (rows(y) * jax.nn.silu(rows(read) @ gate)) @ layer["out"]


def _convolved(u: jax.Array, kernel: jax.Array) -> jax.Array:
    """Each channel of `u` [n, c] and what was before it, by a `kernel` [window, c]."""
    window = len(kernel)
    padded = jnp.pad(u, ((window - 1, 0), (0, 0)))
    parts = (kernel[k][None] * padded[k : k + len(u)] for k in range(window))
    return sum(parts, jnp.zeros_like(u))


def _scanned(layer: Params, u: jax.Array, live: jax.Array) -> jax.Array:
    """What the states [channels, states] put out at every position [n, channels]."""
    rate = -jnp.exp(layer["decay"])
    rank, states = len(layer["delta"]), rate.shape[1]
    delta, into, out = jnp.split(u @ layer["select"], [rank, rank + states], axis=1)
    delta = jax.nn.softplus(affine(layer, "delta", delta)) * live[:, None]

    def step(state: jax.Array, now: tuple) -> tuple[jax.Array, jax.Array]:
        u, delta, into, out = now
        kept = jnp.exp(delta[:, None] * rate) * state
        state = kept + jnp.outer(delta * u, into)
        return state, state @ out

    start = jnp.zeros_like(rate)
    short = len(u) <= 4  # then without a loop it takes three quarters of the time
    return jax.lax.scan(step, start, (u, delta, into, out), unroll=short)[1]

"""Residual networks of images with batch norms: models of many points at once."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

EPSILON = 1e-5  # added to variances, as in PyTorch
Params = dict[str, Any]
Moments = list[jax.Array]  # of each norm, means and variances [2, channels]
Norm = Callable[[jax.Array], jax.Array]


class ResNet(NamedTuple):
    """`init(key)`, `apply(params, x, moments)` of all points `x` [n, side, side, 1].

    Without `moments` every norm takes those of `x` itself; logits [n, classes] come
    with those that were taken. `untrained` are those that averages start at, 0 and 1.
    """

    init: Callable[[jax.Array], Params]
    apply: Callable[..., tuple[jax.Array, Moments]]
    untrained: Moments


def resnet(channels: int, blocks: int, classes: int, stages: int = 4) -> ResNet:
    """Stages of so many blocks, each of half the side of the last and twice its width.

    A block is two convolutions of 3 by 3, each with a norm, around which what comes in
    is added; where it grows, that goes through a convolution of 1 by 1 and a norm. The
    start is PyTorch's.
    """
    widths = [channels * 2**i for i in range(stages)]
    steps = [(w, 1 + (j == 0 and i > 0)) for i, w in enumerate(widths)
             for j in range(blocks)]  # fmt: skip
    shapes, inputs = [(3, 1, channels)], channels
    for width, stride in steps:
        shapes += [(3, inputs, width), (3, width, width)]
        shapes += [(1, inputs, width)] * (stride > 1)
        inputs = width

    def init(key: jax.Array) -> Params:
        keys = jax.random.split(key, len(shapes) + 1)
        uniform = partial(jax.random.uniform, minval=-1.0, maxval=1.0)
        filters = [
            uniform(k, (size * size * i, o)) * (size * size * i) ** -0.5
            for k, (size, i, o) in zip(keys[1:], shapes, strict=True)
        ]
        gains = [jnp.stack([jnp.ones(o), jnp.zeros(o)]) for _, _, o in shapes]
        head = uniform(keys[0], (inputs + 1, classes)) * inputs**-0.5
        return {"filters": filters, "norms": gains, "head": head}

    def apply(
        params: Params, x: jax.Array, moments: Moments | None = None
    ) -> tuple[jax.Array, Moments]:
        used: Moments = []

        def layer(x: jax.Array, stride: int = 1) -> jax.Array:
            i = len(used)
            x = convolved(x, params["filters"][i], shapes[i][0], stride)
            used.append(moments_of(x) if moments is None else moments[i])
            return normed(x, params["norms"][i], used[i])

        x = jax.nn.relu(layer(x))
        for _, stride in steps:
            inside = layer(jax.nn.relu(layer(x, stride)))
            x = jax.nn.relu(inside + (layer(x, stride) if stride > 1 else x))
        pooled = jnp.mean(x, axis=(1, 2))
        return pooled @ params["head"][:-1] + params["head"][-1:], used

    untrained = [jnp.stack([jnp.zeros(o), jnp.ones(o)]) for _, _, o in shapes]
    return ResNet(init, apply, untrained)


def convolved(x: jax.Array, filters: jax.Array, size: int, stride: int) -> jax.Array:
    """Images [n, side, side, in] by filters [size · size · in, out], zeros around.

    As one product of all patches, which a `vmap` over filters leaves one; a
    convolution becomes one by groups, many times as slow on CPUs.
    """
    side, edge = x.shape[1], size // 2
    x = jnp.pad(x, ((0, 0), (edge, edge), (edge, edge), (0, 0)))
    spans = [slice(i, i + side, stride) for i in range(size)]
    return jnp.concatenate([x[:, i, j] for i in spans for j in spans], -1) @ filters


def moments_of(x: jax.Array) -> jax.Array:
    """The means and variances [2, channels] over points and pixels."""
    return jnp.stack([jnp.mean(x, axis=(0, 1, 2)), jnp.var(x, axis=(0, 1, 2))])


def normed(x: jax.Array, norm: jax.Array, moments: jax.Array) -> jax.Array:
    """`x` by these moments, times a gain and with a shift, `norm` [2, channels]."""
    scale = norm[0] * jax.lax.rsqrt(moments[1] + EPSILON)
    shift = norm[1] - moments[0] * scale
    return x * scale[None, None, None] + shift[None, None, None]

"""Fully connected networks as plain pytrees."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from memjax.core import Model


class Scheme(NamedTuple):
    """How weights start: a unit draw, times a gain for weights and one for biases."""

    draw: Callable[..., jax.Array]  # (key, shape) -> numbers of unit range or variance
    weight: Callable[[int, int], float]  # (inputs, outputs) -> gain
    bias: Callable[[int], float] = lambda inputs: 0.0


def _unit_uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def _inverse_root(inputs: int, outputs: int = 0) -> float:
    return inputs**-0.5


torch_default = Scheme(_unit_uniform, _inverse_root, _inverse_root)
"""PyTorch's `nn.Linear`: weights and biases uniform in ±1/sqrt(inputs)."""

lecun = Scheme(jax.random.normal, _inverse_root)
"""Normal weights of variance 1/inputs, biases 0."""

he = Scheme(jax.random.normal, lambda inputs, outputs: (2 / inputs) ** 0.5)
"""Normal weights of variance 2/inputs, biases 0."""

xavier = Scheme(_unit_uniform, lambda inputs, outputs: (6 / (inputs + outputs)) ** 0.5)
"""Uniform weights of variance 2/(inputs + outputs), biases 0."""


def normal(std: float) -> Scheme:
    """Normal weights of this standard deviation in every layer, biases 0."""
    return Scheme(jax.random.normal, lambda inputs, outputs: std)


def mlp(
    widths: Sequence[int],
    activation: Callable[[jax.Array], jax.Array] = jax.nn.relu,
    *,
    bias: bool = True,
    scheme: Scheme = torch_default,
) -> Model:
    """A network of layers `widths[0] → … → widths[-1]`, the last one linear.

    Parameters are a list of layers `{"w": [inputs, outputs], "b": [outputs]}`, without
    `"b"` where `bias` is false. `init(key, scale)` multiplies every start by `scale`.
    """
    layers = list(pairwise(widths))
    if not layers or min(widths) < 1:
        raise ValueError(f"an mlp needs two widths or more, all positive, got {widths}")

    counts = [i * o + bias * o for i, o in layers]
    # One flat draw, lane after lane: one draw per layer under a vmap would take many
    # times longer to compile.
    draw = jax.custom_batching.sequential_vmap(
        lambda key: scheme.draw(key, (sum(counts),))
    )

    def init(key: jax.Array, scale: Any = 1.0) -> list[dict[str, jax.Array]]:
        parts = jnp.split(scale * draw(key), np.cumsum(counts)[:-1])
        return [_layer(*io, part) for io, part in zip(layers, parts, strict=True)]

    def _layer(i: int, o: int, drawn: jax.Array) -> dict[str, jax.Array]:
        layer = {"w": scheme.weight(i, o) * drawn[: i * o].reshape(i, o)}
        return {**layer, "b": scheme.bias(i) * drawn[i * o :]} if bias else layer

    def apply(params: list[dict[str, jax.Array]], x: jax.Array) -> jax.Array:
        for layer in params[:-1]:
            x = activation(_affine(layer, x))
        return _affine(params[-1], x)

    return Model(init, apply)


def _affine(layer: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    # `x @ w`, not `w @ x`: under vmap the rows then stay the major axis, twice as fast.
    out = x @ layer["w"]
    return out + layer["b"] if "b" in layer else out

"""Fully connected networks as plain pytrees."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from memjax.measure import Model
from memjax.models import padding
from memjax.models.draws import nested_each


class Scheme(NamedTuple):
    """How weights start: a unit draw, times a gain for weights and one for biases.

    Gains are of live inputs and outputs, whose numbers may be traced.
    """

    draw: Callable[..., jax.Array]  # (key, shape) -> numbers of unit range or variance
    weight: Callable[[Any, Any], Any]  # (inputs, outputs) -> gain
    bias: Callable[[Any], Any] = lambda inputs: 0.0


def _unit_uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape, minval=-1.0, maxval=1.0)


def _inverse_root(inputs: Any, outputs: Any = 0) -> jax.Array:
    return 1 / jnp.sqrt(inputs)


torch_default = Scheme(_unit_uniform, _inverse_root, _inverse_root)
"""PyTorch's `nn.Linear`: weights and biases uniform in ±1/sqrt(inputs)."""

lecun = Scheme(jax.random.normal, _inverse_root)
"""Normal weights of variance 1/inputs, biases 0."""

he = Scheme(jax.random.normal, lambda inputs, outputs: jnp.sqrt(2 / inputs))
"""Normal weights of variance 2/inputs, biases 0."""

xavier = Scheme(_unit_uniform, lambda inputs, outputs: jnp.sqrt(6 / (inputs + outputs)))
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
    live: Sequence[Any] | None = None,
    depth: Any = None,
) -> Model:
    """A network of layers `widths[0] → … → widths[-1]`, the last one linear.

    Parameters are a list of layers `{"w": [inputs, outputs], "b": [outputs]}`, without
    `"b"` where `bias` is false. `init(key, scale)` multiplies every start by `scale`.

    Of as many `live` units as `widths` has entries (traced, or None for all of one) it
    is the network of that size: what pads it starts at zero and stays there, inputs
    that pad are not read, and outputs that pad are logits of classes that never win.
    Of a `depth` (traced, too) it is the network of so many hidden layers, all of one
    width: the others are zero, and what comes out of the last that is there passes by.
    """
    layers = list(pairwise(widths))
    if not layers or min(widths) < 1:
        raise ValueError(f"an mlp needs two widths or more, all positive, got {widths}")
    masks = padding.masks(widths, live)
    given = [None] * len(widths) if live is None else live
    counts = [w if n is None else n for n, w in zip(given, widths, strict=True)]
    there = [*padding.layers(depth, counts[1:-1]), None]  # the last always is

    def init(key: jax.Array, scale: Any = 1.0) -> list[dict[str, jax.Array]]:
        drawn = _units(scheme.draw, key, layers, bias, depth)
        each = zip(drawn, pairwise(counts), pairwise(masks), there, strict=True)
        return [_layer(scale * part, *known) for part, *known in each]

    def _layer(
        drawn: jax.Array, live: Any, masks: Any, there: Any
    ) -> dict[str, jax.Array]:
        layer = {"w": padding.kept(scheme.weight(*live) * drawn[bias:], *masks)}
        b = scheme.bias(live[0]) * drawn[0]
        layer |= {"b": padding.kept(b, masks[1])} if bias else {}
        return {n: padding.only_if(there, a, 0.0) for n, a in layer.items()}

    def apply(params: list[dict[str, jax.Array]], x: jax.Array) -> jax.Array:
        x = padding.kept(x, masks[0])
        for layer, mask, is_there in zip(params, masks[1:-1], there, strict=False):
            through = padding.kept(activation(_affine(layer, x)), mask)
            x = padding.only_if(is_there, through, x)
        return padding.never(_affine(params[-1], x), masks[-1])

    return Model(init, apply)


def _units(
    draw: Callable[..., jax.Array],
    key: jax.Array,
    layers: list,
    bias: bool,
    depth: Any,
) -> list[jax.Array]:
    """Unit draws [bias + inputs, outputs] for each layer, biases first.

    The last one is drawn by output, for outputs are few: rows of all layers are then
    about as long. Its place is after the hidden layers that are there.
    """
    *shapes, last = [(bias + inputs, outputs) for inputs, outputs in layers]
    places = [*range(len(shapes)), len(shapes) if depth is None else depth]
    *drawn, end = nested_each(draw, key, [*shapes, last[::-1]], places)
    return [*drawn, end.T]


def _affine(layer: dict[str, jax.Array], x: jax.Array) -> jax.Array:
    # `x @ w`, not `w @ x`: under vmap the rows then stay the major axis, twice as fast.
    out = x @ layer["w"]
    return out + layer["b"] if "b" in layer else out

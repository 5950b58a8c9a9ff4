"""A transformer small enough to read: one layer, on two symbols."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.core import Model, entry


def transformer(symbols: int, width: int, heads: int) -> Model:
    """One layer that reads `a b =` and answers with a logit for every symbol.

    A point `x` [2] holds two of `symbols` 0 … symbols - 1. Attention, then 4 width ReLU
    units, each added to the stream, without LayerNorm or biases; the answer is read at
    the last token, and only what that needs is computed. Weights start normal, of
    variance 1/inputs; `init(key, scale)` multiplies them by `scale`.
    """
    if symbols < 1 or width % heads:
        raise ValueError(f"{heads} heads of a width of {width}, {symbols} symbols")
    square, hidden = (width, width), 4 * width
    shapes = {"embed": (symbols + 1, width), "position": (3, width)}
    shapes |= dict.fromkeys(("query", "key", "value", "out"), square)
    shapes |= {"up": (width, hidden), "down": (hidden, width)}
    shapes |= {"unembed": (width, symbols)}
    inputs = {n: shape[0] for n, shape in shapes.items()}
    inputs |= {"embed": width, "position": width}  # their rows are vectors as wide
    counts = [math.prod(shape) for shape in shapes.values()]
    # One flat draw, lane after lane: many draws under a vmap take long to compile.
    draw = jax.custom_batching.sequential_vmap(
        lambda key: jax.random.normal(key, (sum(counts),))
    )

    def init(key: jax.Array, scale: Any = 1.0) -> dict[str, jax.Array]:
        parts = jnp.split(scale * draw(key), np.cumsum(counts)[:-1].tolist())
        named = zip(shapes, parts, strict=True)
        return {n: inputs[n] ** -0.5 * part.reshape(shapes[n]) for n, part in named}

    def apply(params: dict[str, jax.Array], x: jax.Array) -> jax.Array:
        known = jnp.where(x < symbols, x, -1)  # `=` is no symbol of the user's
        tokens = jnp.append(known, symbols)

        def by_head(rows: jax.Array) -> jax.Array:
            return rows.reshape(*rows.shape[:-1], heads, -1)

        def seen(name: str) -> jax.Array:
            table = params["embed"] @ params[name]  # once for all points, not for each
            at_each = params["position"] @ params[name]
            return by_head(entry(table, tokens) + at_each)  # [3, heads, each]

        last = params["embed"][symbols] + params["position"][2]
        query = by_head(last @ params["query"]) * (width // heads) ** -0.5
        attention = jax.nn.softmax(jnp.einsum("hd,thd->ht", query, seen("key")))
        mixed = jnp.einsum("ht,thd->hd", attention, seen("value"))
        last = last + mixed.reshape(width) @ params["out"]
        last = last + jax.nn.relu(last @ params["up"]) @ params["down"]
        return last @ params["unembed"]  # [symbols]

    return Model(init, apply)

"""What models of a sequence share: tokens in, norms between, answers out."""

import math
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.models.draws import nested
from memjax.models.mlp import Scheme

Params = dict[str, Any]
EPSILON = 1e-5  # added to the variance in a norm, as in PyTorch


# --- in -----------------------------------------------------------------------------


def embedded(table: jax.Array, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """The vectors [n, width] of a sequence, and where there is something [n].

    `x` holds tokens [n], which are rows of `table`, and -1 where there is none; or the
    vectors themselves [n, width]. A token that is no row's is NaN.
    """
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x, jnp.ones(len(x), bool)
    live = x != -1
    # A product and no lookup: the slope of one is a loop over all tokens on a CPU.
    hit = x[:, None] == jnp.arange(len(table))[None]
    known = hit.any(axis=1) | ~live
    rows = hit.astype(table.dtype) @ table
    return jnp.where(known[:, None], rows, jnp.nan), live


def taken(x: jax.Array, at: Any) -> jax.Array:
    """The rows of `x` [n, width] at an index, a slice or indices [k]: [k, width].

    All rows where `at` is None. Indices may be traced; one that is no row's is NaN.
    """
    if at is None or isinstance(at, slice):
        return x if at is None else x[at]
    if isinstance(at, int) and -len(x) <= at < len(x):
        return jax.lax.slice_in_dim(x, at % len(x), at % len(x) + 1)
    at = jnp.atleast_1d(jnp.asarray(at))
    hit = jnp.where(at < 0, at + len(x), at)[:, None] == jnp.arange(len(x))[None]
    return jnp.where(hit.any(axis=1)[:, None], hit.astype(x.dtype) @ x, jnp.nan)


# --- between ------------------------------------------------------------------------


def affine(layer: Params, name: str, x: jax.Array) -> jax.Array:
    """`x` [n, inputs] through the weights of this name, and their bias if there is."""
    out, bias = x @ layer[name], layer.get(f"{name}_bias")
    return out if bias is None else out + bias[None]


def normed(x: jax.Array, norm: jax.Array, live: Any) -> jax.Array:
    """LayerNorm of `x` [n, width], with gains and shifts `norm` [2, width] where live.

    Where `live` is 0 they are 1 and 0, whatever they were trained to.
    """
    gain, shift = 1 + live * (norm[0] - 1), live * norm[1]
    x = x - jnp.mean(x, axis=1, keepdims=True)
    variance = jnp.mean(jnp.square(x), axis=1, keepdims=True)
    return x * jax.lax.rsqrt(variance + EPSILON) * gain[None] + shift[None]


def no_norm(*shape: int) -> jax.Array:
    """Gains of 1 and shifts of 0, [..., 2, width] of a shape [..., width]."""
    return jnp.stack([jnp.ones(shape), jnp.zeros(shape)], axis=-2)


# --- out ----------------------------------------------------------------------------


def answered(
    params: Params,
    stream: jax.Array,
    block: Callable[..., jax.Array],
    last: Callable[..., jax.Array],
    norms: Any,
    at: Any,
) -> jax.Array:
    """The logits of a stream [n, width] after all layers, or those `at` some rows.

    `block(layer, norm, stream)` is the stream after a layer, and `last` such rows of it
    after the last one. `norms` are one for all or [layers + 1], that at the end last.
    Logits are by `unembed` [width, c] or, where there is none, tied to the embedding;
    [c] where `at` is an index.
    """
    layers = params["layers"]
    norms = jnp.broadcast_to(norms, (1 + len(layers["out"]),))
    given = (layers, norms[:-1])
    inner, final = (jax.tree.map(itemgetter(i), given) for i in (slice(-1), -1))

    def through(stream: jax.Array, given: tuple) -> tuple[jax.Array, None]:
        return block(*given, stream), None

    stream, _ = jax.lax.scan(through, stream, inner, unroll=True)
    stream = last(*final, stream)
    if "norm" in params:
        stream = normed(stream, params["norm"], norms[-1])
    logits = stream @ (params["unembed"] if "unembed" in params else params["embed"].T)
    several = at is None or isinstance(at, slice) or jnp.ndim(at)
    return logits if several else logits[0]


# --- the start ----------------------------------------------------------------------


def drawing(
    scheme: Scheme,
    width: int,
    tables: dict[str, int],
    layers: int,
    weights: dict[str, tuple[int, int]],
) -> Callable[[jax.Array], Params]:
    """`draw(key)` of random tables and of the weights of layers [layers, in, out].

    Tables have so many rows as wide as the stream, a larger one begins with those of a
    smaller one; `unembed` lies on its side. Lanes of a sweep draw one after another,
    for under a vmap draws take long to compile.
    """
    counts = [layers * math.prod(shape) for shape in weights.values()]
    of_row = scheme.weight(width, width)

    @jax.custom_batching.sequential_vmap
    def draw(key: jax.Array) -> Params:
        flat_key, *keys = jax.random.split(key, 1 + len(tables))
        made: Params = {
            name: of_row * nested(scheme.draw, table_key, (rows, width))
            for table_key, (name, rows) in zip(keys, tables.items(), strict=True)
        }
        if "unembed" in made:
            made["unembed"] = made["unembed"].T
        flat = scheme.draw(flat_key, (sum(counts),))
        parts = jnp.split(flat, np.cumsum(counts)[:-1].tolist())
        named = zip(weights.items(), parts, strict=True)
        stacked = {
            name: scheme.weight(*shape) * part.reshape(layers, *shape)
            for (name, shape), part in named
        }
        return {**made, "layers": stacked}

    return draw

"""What models of a sequence share: tokens in, norms between, answers out."""

import math
from collections.abc import Callable, Hashable
from functools import partial
from operator import itemgetter
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.lanes import lane_by_lane
from memjax.measure import entry
from memjax.models.mlp import Scheme

Params = dict[str, Any]
EPSILON = 1e-5  # added to the variance in a norm, as in PyTorch


# --- in -----------------------------------------------------------------------------


def embedded(table: jax.Array, x: jax.Array) -> jax.Array:
    """The vectors [n, width] of a sequence: rows of `table`, or given as they are.

    `x` holds tokens [n], and -1 where there is none, whose vector means nothing; or the
    vectors [n, width]. A token that is no row's is NaN.
    """
    if jnp.issubdtype(x.dtype, jnp.floating):
        return x
    return entry(table, jnp.where(x == -1, 0, x))


def present(x: jax.Array) -> jax.Array:
    """Where a sequence of tokens or vectors has one [n]."""
    if jnp.issubdtype(x.dtype, jnp.floating):
        return jnp.ones(len(x), bool)
    return x != -1


def taken(x: jax.Array, at: Any) -> jax.Array:
    """The rows of `x` [n, …] at an index, a range or indices [k]: [k, …].

    All rows where `at` is None. Indices may be traced; one that is no row's gives NaN,
    or -2 of whole numbers.
    """
    if at is None:
        return x
    if isinstance(at, range):
        cut = slice(at.start, at.stop if at.stop >= 0 else None, at.step)
        return x if at == range(len(x)) else x[cut]
    if isinstance(at, int) and -len(x) <= at < len(x):
        return jax.lax.slice_in_dim(x, at % len(x), at % len(x) + 1)
    at = jnp.atleast_1d(jnp.asarray(at))
    nothing = jnp.nan if jnp.issubdtype(x.dtype, jnp.floating) else -2
    row = x.at[jnp.where(at < 0, at + len(x), at)]
    return row.get(mode="fill", fill_value=nothing, wrap_negative_indices=False)


def ranged(at: Any, x: jax.Array) -> Any:
    """Rows of a sequence as `taken` knows them: a slice as a range, that has a hash."""
    at = slice(None) if at is None else at
    return range(len(x))[at] if isinstance(at, slice) else at


# --- between ------------------------------------------------------------------------


def traced_once(layer: Callable[..., jax.Array]) -> Callable[..., jax.Array]:
    """`layer(how, at, *arrays)` with its rows `at`, traced once for all that are alike.

    So are its derivatives and batches. Else most of the time before the first step of a
    command goes there: a run calls a model in its loss and in what it observes, other
    sweeps do too, and all layers do the same. `how` is hashable.
    """

    @partial(jax.jit, static_argnums=(0, 1))
    def traced(how: Hashable, known: Hashable, at: Any, *arrays: Any) -> jax.Array:
        return layer(how, known if at is None else at, *arrays)

    def called(how: Hashable, at: Any, *arrays: Any) -> jax.Array:
        is_known = at is None or isinstance(at, int | range)
        return traced(how, *((at, None) if is_known else (None, at)), *arrays)

    return called


def affine(layer: Params, name: str, x: jax.Array) -> jax.Array:
    """`x` [n, inputs] through the weights of this name, and their bias if there is."""
    return biased(layer, name, x @ layer[name])


def biased(layer: Params, name: str, x: jax.Array) -> jax.Array:
    """`x` [n, outputs] and the bias of this name, if there is."""
    return x + layer[f"{name}_bias"][None] if f"{name}_bias" in layer else x


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
    stacked = (params["layers"], jnp.broadcast_to(norms, (1 + depth(params),)))
    given = [jax.tree.map(itemgetter(i), stacked) for i in range(depth(params))]
    for layer, norm in given[:-1]:  # a scan of 4 or 6 takes 1.4 times as long
        stream = block(layer, norm, stream)
    stream = last(*given[-1], stream)
    if "norm" in params:
        stream = normed(stream, params["norm"], stacked[1][-1])
    logits = stream @ (params["unembed"] if "unembed" in params else params["embed"].T)
    several = isinstance(at, range) or jnp.ndim(at)
    return logits if several else logits[0]


def depth(params: Params) -> int:
    """The number of layers."""
    return len(params["layers"]["out"])


# --- the start ----------------------------------------------------------------------


def drawing(
    scheme: Scheme,
    width: int,
    tables: dict[str, int],
    layers: int,
    weights: dict[str, tuple[int, int]],
) -> Callable[[jax.Array], Params]:
    """`draw(key)` of the weights of layers [layers, in, out], and of tables.

    Tables have so many rows, as wide as the stream; with more rows they begin with the
    same ones. `unembed` lies on its side. All is cut from one flat draw, and lanes of a
    sweep draw one after another: other draws take longer to compile than training.
    """
    counts = [layers * math.prod(shape) for shape in weights.values()]
    rows = max(tables.values())
    draw = lane_by_lane(
        lambda key: scheme.draw(key, (sum(counts) + rows * len(tables) * width,))
    )

    def drawn(key: jax.Array) -> Params:
        *parts, rest = jnp.split(draw(key), np.cumsum(counts).tolist())
        named = zip(weights.items(), parts, strict=True)
        stacked = {
            name: scheme.weight(*shape) * part.reshape(layers, *shape)
            for (name, shape), part in named
        }
        by_row = scheme.weight(width, width) * rest.reshape(rows, len(tables), width)
        made: Params = {n: by_row[:r, i] for i, (n, r) in enumerate(tables.items())}
        if "unembed" in made:
            made["unembed"] = made["unembed"].T
        return {**made, "layers": stacked}

    return drawn

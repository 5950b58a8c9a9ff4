"""Linear models of a graph: from a node to the logits of the next one.

`apply(params, node)` is a row of the table of all logits, so that under `expect` the
table is made once for all nodes, without a lookup in the embedding (half the time of
one lookup a node at width 128, where it was measured).
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Model, entry
from memjax.models.draws import nested, nested_each
from memjax.models.padding import kept, masks, never

Params = dict[str, jax.Array]
Live = tuple[Any, Any]  # nodes and columns
SPECIALS = 9  # tokens besides the nodes in the vocabulary of arXiv:2510.26745


@jax.custom_jvp
def gram(v: jax.Array) -> jax.Array:
    """The products `v vᵀ` of rows; their gradient takes one product, not two."""
    return v @ v.T


@gram.defjvp
def _gram_jvp(primals: tuple, tangents: tuple) -> tuple[jax.Array, jax.Array]:
    (v,), (moved,) = primals, tangents
    half = moved @ v.T
    return gram(v), half + half.T


def tied(nodes: int, width: int, *, live: Live | None = None) -> Model:
    """Logits `V Vᵀ`, from one embedding `v` [nodes, width] of normal entries.

    `init(key, scale)` draws them with standard deviation `scale`. Of `live` nodes and
    columns, which may be traced, it is that of a model of their size: what pads it is
    zero and stays so, and nodes that pad are never next.
    """
    own, columns = masks((nodes, width), live)

    def init(key: jax.Array, scale: Any = 1.0) -> Params:
        draw = nested(jax.random.normal, key, (nodes, width))
        return {"v": kept(scale * draw, own, columns)}

    def apply(params: Params, node: jax.Array) -> jax.Array:
        return never(entry(gram(params["v"]), node), own)  # [nodes]

    return Model(init, apply)


def untied(nodes: int, width: int, *, live: Live | None = None) -> Model:
    """Logits `V Uᵀ`, from an embedding `v` and an unembedding `u` [nodes, width].

    `init(key, scale, unembedding)` takes both standard deviations; the second is the
    first where it is not given. `live` is as for `tied`.
    """
    own, columns = masks((nodes, width), live)

    def init(key: jax.Array, scale: Any = 1.0, unembedding: Any = None) -> Params:
        std = scale if unembedding is None else unembedding
        v, u = nested_each(jax.random.normal, key, [(nodes, width)] * 2)
        return {"v": kept(scale * v, own, columns), "u": kept(std * u, own, columns)}

    def apply(params: Params, node: jax.Array) -> jax.Array:
        return never(entry(params["v"] @ params["u"].T, node), own)  # [nodes]

    return Model(init, apply)


def three_matrix(
    nodes: int,
    width: int,
    *,
    specials: int = SPECIALS,
    bias: bool = True,
    bfloat16: bool = False,
    live: Live | None = None,
) -> Model:
    """Logits `V (W v + b)`: a tied embedding `v` around a matrix `w` and a bias `b`.

    The vocabulary is the nodes and, after them, `specials` tokens that are never
    targets, so logits have `nodes + specials` entries. `init(key, scale, inner)` draws
    `v` with standard deviation `scale` and `w` with `inner`; biases start at 0.
    `apply(params, node, keep)` multiplies the hidden layer by `keep` (see `dropout`).
    With `bfloat16` the products, what enters them and their gradients are rounded to
    it, as under autocast; sums, parameters and optimizers stay as they are. `live` is
    as for `tied`: the special tokens come after the nodes that pad.
    """
    own, columns = masks((nodes, width), live)
    tokens = None if own is None else jnp.pad(own, (0, specials), constant_values=True)
    rounded = to_bfloat16 if bfloat16 else lambda x: x

    def init(key: jax.Array, scale: Any = 1.0, inner: Any = 0.02) -> Params:
        shapes = [(nodes, width), (specials, width), (width, width)]
        *embedding, w = nested_each(jax.random.normal, key, shapes)
        v = kept(scale * jnp.concatenate(embedding), tokens, columns)
        params = {"v": v, "w": kept(inner * w, columns, columns)}
        return {**params, "b": jnp.zeros(width)} if bias else params

    def apply(params: Params, node: jax.Array, keep: Any = None) -> jax.Array:
        v, w = rounded(params["v"]), rounded(params["w"])
        hidden = v[:nodes] @ w  # [nodes, width]
        hidden = hidden + rounded(params["b"])[None] if bias else hidden
        hidden = rounded(hidden)
        if keep is None:
            return never(entry(rounded(hidden @ v.T), node), tokens)
        return never(rounded((entry(hidden, node) * keep) @ v.T), tokens)  # [tokens]

    return Model(init, apply)


def to_bfloat16(x: jax.Array) -> jax.Array:
    """The nearest values that bfloat16 has, in x's own type; so for the gradient, too.

    Where XLA may keep excess precision it elides a cast there and back, not this.
    """
    return jax.lax.reduce_precision(x, exponent_bits=8, mantissa_bits=7)


def dropout(key: jax.Array, rate: Any, width: int) -> jax.Array:
    """What a hidden layer is multiplied by: 0 with probability `rate`, mean one."""
    return jax.random.bernoulli(key, 1 - rate, (width,)) / (1 - rate)


def freeze(
    apply: Callable[..., jax.Array], params: Params, *names: str
) -> tuple[Params, Callable[..., jax.Array]]:
    """The parameters left to train, and `apply` with those of `names` held fixed.

    What is held is no parameter any more: neither gradients nor weight decay reach it.
    """
    held = {name: params[name] for name in names}
    left = {name: value for name, value in params.items() if name not in held}
    return left, lambda params, *point: apply({**params, **held}, *point)

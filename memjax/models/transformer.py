"""A transformer of one sequence: its parts are shapes, its switches are numbers."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from memjax.measure import Model
from memjax.models.attention import attended, seen
from memjax.models.mlp import Scheme, lecun
from memjax.models.tokens import (
    Params,
    affine,
    answered,
    biased,
    depth,
    drawing,
    embedded,
    no_norm,
    normed,
    present,
    ranged,
    taken,
    traced_once,
)

How = tuple[int, str | None, Callable[[jax.Array], jax.Array]]  # heads, norm, units


def transformer(
    vocabulary: int,
    width: int,
    heads: int,
    length: int,
    layers: int = 1,
    *,
    hidden: int | None = None,
    classes: int = 0,
    norm: str | None = "pre",
    causal: bool = True,
    bias: bool = True,
    prompt: int = 0,
    activation: Callable[[jax.Array], jax.Array] = jax.nn.gelu,
    scheme: Scheme = lecun,
) -> Model:
    """From a sequence of at most `length` tokens to the logits at its positions.

    A layer is attention of so many `heads`, then `hidden` units (4 times the width; 0
    for none), each added to the stream, with a LayerNorm before it (`"pre"`, and one
    at the end), after it (`"post"`) or nowhere (None). Logits are tied to the
    embedding, or those of so many `classes`, with weights of their own. So many vectors
    of a `prompt` stand before every sequence.

    `init(key, scale, embed, position)` multiplies all weights and tables by `scale`,
    and the tables of these names by their own number. For `apply` see `_apply`.
    """
    _check(vocabulary, width, heads, norm)
    sizes = {"unembed": classes, "prompt": prompt}
    tables = {"embed": vocabulary, "position": length}
    tables |= {name: rows for name, rows in sizes.items() if rows}
    weights = _weights(width, 4 * width if hidden is None else hidden)
    draw = drawing(scheme, width, tables, layers, weights)

    def init(
        key: jax.Array, scale: Any = 1.0, embed: Any = 1.0, position: Any = 1.0
    ) -> Params:
        drawn = jax.tree.map(lambda a: scale * a, draw(key))
        drawn["embed"] *= embed
        drawn["position"] *= position
        drawn["layers"] |= _fixed(weights, layers, bias, norm is not None)
        return {**drawn, "norm": no_norm(width)} if norm == "pre" else drawn

    return Model(init, partial(_apply, (heads, norm, activation), causal))


def _check(vocabulary: int, width: int, heads: int, norm: str | None) -> None:
    if vocabulary < 1 or heads < 1 or width % heads:
        raise ValueError(f"{heads} heads of a width of {width}, {vocabulary} tokens")
    if norm not in ("pre", "post", None):
        raise ValueError(f"norm is 'pre', 'post' or None, not {norm!r}")


def _weights(width: int, hidden: int) -> dict[str, tuple[int, int]]:
    """The shapes of a layer's weights, by name."""
    found = dict.fromkeys(("query", "key", "value", "out"), (width, width))
    return found | {"up": (width, hidden), "down": (hidden, width)} if hidden else found


def _fixed(weights: dict, layers: int, bias: bool, norm: bool) -> Params:
    """What every start of layers has in common: biases 0, gains 1 and shifts 0."""
    biases = {f"{n}_bias": jnp.zeros((layers, o)) for n, (_, o) in weights.items()}
    parts = ("attend", "expand") if "up" in weights else ("attend",)
    norms = {f"{n}_norm": no_norm(layers, weights["out"][1]) for n in parts}
    return (biases if bias else {}) | (norms if norm else {})


def _apply(
    how: How,
    causal: bool,
    params: Params,
    x: jax.Array,
    *,
    at: Any = None,
    positions: Any = 1.0,
    norms: Any = 1.0,
    prompted: Any = None,
) -> jax.Array:
    """The logits [n, c] of tokens `x` [n], -1 where there is none, or of vectors.

    Vectors are as wide as the stream, [n, width]. Where `at` is an index, a slice or
    indices [k], only these rows are returned, [c] or [k, c], and of the last layer only
    what they need is computed. `positions` multiplies the positions. `norms`, one for
    all or [layers + 1] with that at the end, is 0 where gains are held at 1 and shifts
    at 0. Only the first `prompted` vectors of a prompt are there.
    """
    if len(x) > len(params["position"]):
        raise ValueError(f"a sequence of {len(x)} has no place for all its tokens")
    at = ranged(at, x)
    enter = partial(_entered, params, x, positions)
    live = _live(params, x, prompted)
    place = jnp.arange(len(live))
    first = len(live) - len(x)  # what stands before is the prompt
    sees = partial(seen, causal, live)
    asked = sees(taken(place[first:], at))
    whole = partial(_layer, (0, how), None, sees(place))
    if depth(params) == 1 and "norm" not in params:
        last = partial(_block, how, *_by_table(enter, at), asked)
    else:
        last = partial(_layer, (first, how), at, asked)
    return answered(params, enter(), whole, last, norms, at)


def _entered(
    params: Params,
    x: jax.Array,
    positions: Any,
    through: Callable[[jax.Array], jax.Array] = lambda a: a,
    at: Any = None,
) -> jax.Array:
    """The stream that layers see, `through` a linear map; or `at` its tokens alone."""
    given = taken(x, at)
    given = through(given) if jnp.issubdtype(x.dtype, jnp.floating) else given
    position = taken(params["position"][: len(x)], at)
    rows = embedded(through(params["embed"]), given) + positions * through(position)
    if at is not None or "prompt" not in params:
        return rows
    return jnp.concatenate([through(params["prompt"]), rows])


def _by_table(enter: Callable[..., jax.Array], at: Any) -> tuple[Callable, Callable]:
    """What takes rows of an only layer, and what projects all, as tokens enter it.

    Where no norm is between, tables are projected, once for all sequences, and then
    looked up: a step on 1024 of `a b =` takes 0.6 of the time.
    """

    def through(layer: Params, name: str, rows: jax.Array) -> jax.Array:
        of = at if name == "query" else None
        return biased(layer, name, enter(lambda table: table @ layer[name], of))

    return lambda stream: enter(at=at), through


def _live(params: Params, x: jax.Array, prompted: Any) -> jax.Array:
    """Where there is something, in a prompt and the sequence after it."""
    slots = len(params.get("prompt", ()))
    there = jnp.arange(slots) < (slots if prompted is None else prompted)
    return jnp.concatenate([there, present(x)])


@traced_once
def _layer(how: tuple[int, How], at: Any, *given: Any) -> jax.Array:
    """The rows `at` some places after the first few, a prompt, after a layer."""
    first, form = how
    return _block(form, lambda a: taken(a[first:], at), affine, *given)


def _block(
    how: How,
    rows: Callable[[jax.Array], jax.Array],
    through: Callable[[Params, str, jax.Array], jax.Array],
    sees: jax.Array,
    layer: Params,
    live: Any,
    stream: jax.Array,
) -> jax.Array:
    """Some `rows` of the stream [n, width] after a layer."""
    heads, norm, activation = how

    def norm_if(when: str, x: jax.Array, part: str) -> jax.Array:
        return normed(x, layer[f"{part}_norm"], live) if norm == when else x

    read = norm_if("pre", stream, "attend")
    query = through(layer, "query", rows(read))
    key, value = (through(layer, name, read) for name in ("key", "value"))
    mixed = attended(heads, query, key, value, sees)
    stream = rows(stream) + affine(layer, "out", mixed)
    stream = norm_if("post", stream, "attend")
    if "up" not in layer:
        return stream
    units = activation(affine(layer, "up", norm_if("pre", stream, "expand")))
    return norm_if("post", stream + affine(layer, "down", units), "expand")

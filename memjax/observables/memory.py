"""What a model remembers of a graph whose nodes are its tokens, or the first of them.

`margin` and `recall` are ours. Of the two margins of Noroozizadeh et al.
(arXiv:2510.26745) one scores a transposed W without its bias and is not here. The
other, the "geometric margin", is `best_margin` of `geometric_logits`: to be compared
with what was printed, for it takes the best neighbor where a memory needs all of them,
and depends on the basis chosen among equal singular values.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.measure import Data, expect
from memjax.observables.embedding import portrait, principal
from memjax.observables.spectral import (
    Basis,
    directions,
    logit_spectrum,
    negative_share,
    own,
    participation,
    projections,
    residual,
)
from memjax.quantities import named

# --- one node -------------------------------------------------------------------------


def margin(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The least logit of a next node less the largest of any other token but itself.

    Positive where every next node of `node` ranks above all else. `logits` [c] may have
    more entries than `target` [n]: tokens that are never next. A node that is its own
    next node counts as one. 0 where no node is next.
    """
    true, others = _sides(logits, target, node)
    least = jnp.min(jnp.where(true, logits, jnp.inf))
    return jnp.where(true.any(), least - jnp.max(others), 0.0)


def recall(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The share of a node's d next nodes among its d largest logits, itself aside.

    A logit equal to one below the d largest does not count.
    """
    true, others = _sides(logits, target, node)
    candidates = jnp.where(true, logits, others)
    falling = jnp.append(jnp.sort(candidates)[::-1], -jnp.inf)
    count = jnp.sum(true)
    return jnp.sum(true & (candidates > falling[count])) / jnp.maximum(count, 1)


def best_margin(logits: jax.Array, target: jax.Array, node: jax.Array) -> jax.Array:
    """The largest logit of a next node less that of any other token, itself aside.

    As published: positive where one next node of several ranks above all else.
    """
    true, others = _sides(logits, target, node)
    joined = true & (jnp.arange(len(logits)) != node)
    best = jnp.max(jnp.where(joined, logits, -jnp.inf)) - jnp.max(others)
    return jnp.where(joined.any(), best, 0.0)


def _sides(
    logits: jax.Array, target: jax.Array, node: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Which tokens are next, and the logits of the others; -inf for next and itself."""
    true = jnp.pad(target > 0, (0, len(logits) - len(target)))
    itself = jnp.arange(len(logits)) == node
    return true, jnp.where(true | itself, -jnp.inf, logits)


# --- all nodes ------------------------------------------------------------------------


def geometric_logits(v: jax.Array, w: jax.Array) -> jax.Array:
    """The logits [t, t] of `v w vᵀ` with w cut to its diagonal in the axes of v.

    With `v = U Σ Qᵀ` [t, m] that is `v Q diag(Qᵀ w Q) Qᵀ vᵀ`: what is left of a memory
    when only the embedding's own axes may carry it.
    """
    _, u = jnp.linalg.eigh(v @ v.T)
    kept = jnp.sum(u * ((v @ w @ v.T) @ u), axis=0)  # Σ² times the diagonal
    return (u * kept[None]) @ u.T


def by_mode(
    apply: Callable[..., jax.Array],
    loss: Callable[..., jax.Array],
    v: jax.Array,
    nodes: Data,
    walk: Any,
    basis: Basis,
) -> dict[str, Any]:
    """While it is learned: the projection of V and the residual C in every mode.

    `apply(node)` are the logits between nodes and `loss(node, law)` what is learned;
    `v` [n, m] is the embedding. `strength` is that of its principal axes.
    """
    logits, labels = jax.vmap(apply)(nodes.x), range(len(walk))
    p = projections(v, basis)
    c = projections(residual(logits, walk), basis)
    strength = principal(v, basis.live)[1]
    return {
        "loss": expect(loss, nodes),
        "recall": expect(lambda x, y: recall(apply(x), y, x), nodes),
        "projection": named(own(p, basis), "eigen", coords=labels),
        "residual": named(own(c, basis), "eigen", coords=labels),
        "strength": named(own(strength, basis), "principal", coords=labels),
        "participation": participation(p),
        **directions(p, basis),
    }


def along(
    apply: Callable[..., jax.Array],
    v: jax.Array,
    w: jax.Array,
    start: jax.Array,
    nodes: Data,
    basis: Basis,
) -> dict[str, jax.Array]:
    """While it is learned: how flat V is, how far it moved, and what is remembered.

    `apply(node)` are the logits of all tokens, `v` [tokens, m] is the embedding, nodes
    first, and `start` what it was at first. Margin and top-1 are also those of the
    geometric logits of `v w vᵀ`.
    """
    n = len(basis.values)
    of_nodes, first = (tokens[:n] for tokens in (v, start))
    p = projections(of_nodes, basis)
    token = jnp.pad(basis.live, (0, len(v) - n), constant_values=True)
    kept = jnp.where(token[None], geometric_logits(v, w), -jnp.inf)

    def score(x: jax.Array, y: jax.Array) -> dict[str, jax.Array]:
        logits, best = apply(x), best_margin(kept[x], y, x)
        return {
            "recall": recall(logits, y, x),
            "margin": margin(logits, y, x),
            "geometric_margin": best,
            "geometric_top1": jnp.asarray(best > 0, jnp.float32),
        }

    return {
        "participation": participation(p),
        "negative_share": negative_share(p, basis),
        "moved": jnp.linalg.norm(of_nodes - first) / jnp.linalg.norm(first),
        **expect(score, nodes),
    }


def at_end(
    apply: Callable[..., jax.Array], v: jax.Array, walk: Any, basis: Basis
) -> dict[str, Any]:
    """The profile of the embedding and of the logits between nodes, and a portrait.

    As in `along`; modes are along the dimension `eigen`.
    """
    n, v = len(walk), v[: len(walk)]
    p = projections(v, basis)
    logits = jax.vmap(apply)(np.arange(n))[:, :n]
    spectrum = logit_spectrum(logits, basis)
    return {
        "projection": named(own(p, basis), "eigen", coords=range(n)),
        "logit": named(own(spectrum, basis), "eigen", coords=range(n)),
        **directions(p, basis),
        **portrait(v, walk, basis),
    }

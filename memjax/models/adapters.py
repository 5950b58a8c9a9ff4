"""Models from flax and equinox: bring a module, get a `Model` of one point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from memjax.lanes import Tree
from memjax.measure import Model

if TYPE_CHECKING:
    from flax import nnx


def linen(module: Any, example: Tree) -> Model:
    """The `Model` of a `flax.linen` module; `example` is one point's input.

    Only parameters: a module that keeps other collections (batch statistics, say)
    mixes points or changes between calls, and is refused. So is one that draws random
    numbers: Dropout is to be `deterministic`, or part of a loss that takes a key.
    """

    def init(key: jax.Array, scale: Any = 1.0) -> Tree:
        variables = module.init(key, example)
        others = sorted(set(variables) - {"params"})
        if others:
            raise ValueError(
                f"{type(module).__name__} has state besides params: {others}"
            )
        return _scaled(variables["params"], scale)

    return Model(init, lambda params, x: module.apply({"params": params}, x))


def from_nnx(make: Callable[[nnx.Rngs], nnx.Module]) -> Model:
    """The `Model` of an nnx module, `make(rngs)` of it.

    For example `from_nnx(lambda rngs: nnx.Linear(9, 17, rngs=rngs))`. Its parameters
    (`nnx.Param`) are what is trained; a module with any other state is refused.
    """
    from flax import nnx  # here, because it is a fifth of the library's import time

    if isinstance(make, nnx.Module):
        kind = type(make).__name__
        raise TypeError(
            f"from_nnx takes what makes a module, not a {kind} that is made: "
            f"from_nnx(lambda rngs: {kind}(…, rngs=rngs))"
        )
    abstract = nnx.eval_shape(lambda: make(nnx.Rngs(0)))
    parts: Any = nnx.split(abstract, nnx.Param, ...)
    graph, _, others = parts
    if jax.tree.leaves(others):
        raise ValueError(f"the nnx module has state besides nnx.Param: {others}")

    def init(key: jax.Array, scale: Any = 1.0) -> Tree:
        return _scaled(nnx.state(make(nnx.Rngs(key)), nnx.Param), scale)

    return Model(init, lambda params, x: nnx.merge(graph, params, others)(x))


def from_equinox(make: Callable[[jax.Array], Any]) -> Model:
    """The `Model` of an equinox module, `make(key)` of it.

    For example `from_equinox(lambda key: eqx.nn.Linear(9, 17, key=key))`. Its arrays of
    real numbers are what is trained; a module with state (batch norm) is refused.
    """
    import equinox as eqx  # an extra

    module = make(jax.random.key(0))

    def is_state(part: Any) -> bool:
        return isinstance(part, eqx.nn.StateIndex)

    if any(map(is_state, jax.tree.leaves(module, is_leaf=is_state))):
        raise ValueError(f"{type(module).__name__} has state besides its parameters")
    _, static = eqx.partition(module, eqx.is_inexact_array)

    def init(key: jax.Array, scale: Any = 1.0) -> Tree:
        params, _ = eqx.partition(make(key), eqx.is_inexact_array)
        return _scaled(params, scale)

    return Model(init, lambda params, x: eqx.combine(params, static)(x))


def _scaled(params: Tree, scale: Any) -> Tree:
    return jax.tree.map(lambda a: scale * a, params)

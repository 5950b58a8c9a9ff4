"""Traces, looked through."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import Jaxpr

from memjax.lanes import Tree, inner_jaxprs


def equations(jaxpr: Jaxpr) -> Iterator[Any]:
    """The equations of a trace, at any depth; of one that stands in several places,
    once.
    """
    left, seen = [jaxpr], {id(jaxpr)}
    while left:
        for equation in left.pop().eqns:
            yield equation
            inner = [j for j in inner_jaxprs(equation.params) if id(j) not in seen]
            seen.update(map(id, inner))
            left += inner


def uses(jaxpr: Jaxpr, primitives: frozenset[str]) -> bool:
    """Whether a trace holds any of these primitives, at any depth."""
    return any(e.primitive.name in primitives for e in equations(jaxpr))


def abstract(tree: Tree) -> tuple:
    """Shapes and types of arguments, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves), structure

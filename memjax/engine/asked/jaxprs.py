"""Traces, looked through."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import Jaxpr

from memjax.lanes import Tree, inner_jaxprs


def equations(jaxpr: Jaxpr) -> Iterator[Any]:
    """The equations of a trace, at any depth."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in inner_jaxprs(equation.params):
            yield from equations(inner)


def uses(jaxpr: Jaxpr, primitives: frozenset[str]) -> bool:
    """Whether a trace holds any of these primitives, at any depth."""
    return any(e.primitive.name in primitives for e in equations(jaxpr))


def abstract(tree: Tree) -> tuple:
    """Shapes and types of arguments, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves), structure

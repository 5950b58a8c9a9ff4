"""Traces, looked through."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr

from memjax.core import Tree


def equations(jaxpr: Jaxpr) -> Iterator[Any]:
    """The equations of a trace, at any depth."""
    for equation in jaxpr.eqns:
        yield equation
        for inner in inner_jaxprs(equation.params):
            yield from equations(inner)


def inner_jaxprs(parameters: dict[str, Any]) -> list[Jaxpr]:
    """The traces among the parameters of an equation."""
    leaves = jax.tree.leaves(
        list(parameters.values()),
        is_leaf=lambda v: isinstance(v, ClosedJaxpr | Jaxpr),
    )
    found = [v.jaxpr if isinstance(v, ClosedJaxpr) else v for v in leaves]
    return [v for v in found if isinstance(v, Jaxpr)]


def uses(jaxpr: Jaxpr, primitives: frozenset[str]) -> bool:
    """Whether a trace holds any of these primitives, at any depth."""
    return any(e.primitive.name in primitives for e in equations(jaxpr))


def abstract(tree: Tree) -> tuple:
    """Shapes and types of arguments, hashable."""
    leaves, structure = jax.tree.flatten(tree)
    return tuple(jax.ShapeDtypeStruct(a.shape, a.dtype) for a in leaves), structure

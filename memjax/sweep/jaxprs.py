"""Traces, looked through."""

from collections.abc import Iterator
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr


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

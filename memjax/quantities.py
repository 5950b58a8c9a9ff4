"""What a run returns by name: an array whose last axes have names and labels."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


@partial(jax.tree_util.register_dataclass, data_fields=["value"], meta_fields=["axes"])
@dataclass(frozen=True)
class Named:
    """An array whose last axes have names and labels; see `named`."""

    value: jax.Array
    axes: tuple[tuple[str, tuple | None], ...]


def named(value: jax.Array, *dims: str, coords: Any = None) -> Named:
    """`value` with names for its last axes: `named(p, "eigen", coords=range(1, 15))`.

    The names become dimensions of a sweep's results. `coords` are the labels along the
    axes: a sequence for one axis, a dict from names to sequences for several. Names and
    labels are static, so the result passes through `jit`, `scan` and `vmap`.
    """
    if not dims or len(dims) > jnp.ndim(value):
        shape = jnp.shape(value)
        raise ValueError(f"{len(dims)} names {dims} for an array of shape {shape}")
    labels = coords if isinstance(coords, dict) else {dims[0]: coords}
    if coords is not None and not isinstance(coords, dict) and len(dims) > 1:
        raise ValueError(f"coords for {dims} must be a dict from name to labels")
    for name, length in zip(dims, jnp.shape(value)[-len(dims) :], strict=True):
        if labels.get(name) is not None and len(labels[name]) != length:
            found = len(labels[name])
            raise ValueError(f"{found} labels for {name}, which has length {length}")
    return Named(value, tuple((d, _hashable(labels.get(d))) for d in dims))


def _hashable(labels: Sequence | None) -> tuple | None:
    return None if labels is None else tuple(np.asarray(labels).tolist())

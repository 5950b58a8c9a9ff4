"""Values as text that is the same in every process: of arrays by content."""

import hashlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

FEW = 4  # numbers that are shown as they are


def is_key(value: Any) -> bool:
    """Whether a value is an array of random keys."""
    return is_key_type(getattr(value, "dtype", None))


def is_key_type(kind: Any) -> bool:
    """Whether a type is that of random keys."""
    return kind is not None and jnp.issubdtype(kind, jax.dtypes.prng_key)


def array_text(array: Any) -> str:
    """An array as its type and what it holds."""
    if is_key(array):
        return f"{array.dtype} {array_text(jax.random.key_data(array))}"
    array = np.asarray(array)
    kind = f"{array.dtype}{list(array.shape)}".replace(" ", "")
    if array.size <= FEW and array.dtype.kind in "biuf":
        return f"{kind}{array.reshape(-1).tolist()}".replace(" ", "")
    content = np.ascontiguousarray(array).tobytes()
    return f"{kind}:{hashlib.sha256(content).hexdigest()[:16]}"


def tree_text(tree: Any) -> dict[str, str]:
    """The leaves of a tree by their path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return {jax.tree_util.keystr(path): array_text(leaf) for path, leaf in leaves}

"""What the experiments on rules and facts share: data, a fit, its errors, panels."""

from typing import Any

import jax
import jax.numpy as jnp
import xarray as xr
from matplotlib.axes import Axes

import memjax as mj
from memjax.plots import frame, keys, lines, points

BOTH = ["generalization", "memorization"]


def draw(seed: Any, alpha: Any, eps: Any, dim: int, capacity: int) -> tuple[Any, Any]:
    """The teacher and the training set of one seed."""
    teacher_key, data_key = jax.random.split(jax.random.key(seed))
    teacher = jax.random.normal(teacher_key, (dim,))
    dataset = mj.datasets.rules_and_facts(dim, capacity)
    return teacher, dataset(data_key, teacher, jnp.round(alpha * dim), eps)


def fresh(seed: Any) -> jax.Array:
    """A key for what else a seed draws, besides its teacher and training set."""
    return jax.random.fold_in(jax.random.key(seed), 1)


def fit(gram: jax.Array, data: mj.Data, lam: Any, alpha: Any, dim: int) -> jax.Array:
    """The coefficients of ridge regression on the labels, (K + lam I)⁻¹ y."""
    return mj.kernels.ridge(gram, data.y.label, data.w, lam / jnp.round(alpha * dim))


def draw_errors(
    axis: Axes, runs: Any, exact: Any, title: str, label: str, color: str
) -> None:
    """Both errors against the ridge: E_gen solid and filled, E_mem dashed, hollow."""
    how: dict[str, Any] = {"color": color, "dash": "error"}
    lines(axis, errors(exact), "lam", label=label, **how)
    points(axis, errors(runs), "lam", error="se", **how)
    frame_errors(axis, title, runs, ", theory")


def frame_errors(axis: Axes, title: str, of: Any, by: str = "", **labels: Any) -> None:
    """The frame of a panel of both errors, over the ridge if nothing else is said."""
    keys(axis, f"E_gen{by}", f"E_mem{by}")
    look: dict[str, Any] = {"xlabel": "ridge λ", "ylabel": "error", "xscale": "log"}
    place = {"loc": "upper right", "ncols": 2, "handlelength": 1.4, "columnspacing": 1}
    look |= {"ylim": (-0.02, 0.62), "legend": place}
    frame(axis, f"{title}, n/d = {{alpha:g}}, ε = {{eps:g}}", of, **{**look, **labels})


def errors(results: xr.Dataset) -> xr.DataArray:
    """Both errors as one quantity, along a dimension `error`."""
    return results[BOTH].to_array("error")

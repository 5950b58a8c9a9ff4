"""Results to a tracker of experiments: wandb, trackio, or what has their `log`."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from memjax.statistics import spread


def track(results: xr.Dataset, tracker: Any, *quantities: str) -> None:
    """Log the means over seeds of a sweep to ONE tracked run, step by step.

    `tracker` is what `wandb.init(…)` or `trackio.init(…)` returns. Every setting is a
    curve of its own, `loss/size=50,lr=0.001`, with the deviation over seeds as
    `loss_sd/…`. Quantities are all that have no dimensions besides axes and step, or
    those named. What diverged is left out of means, and their number is logged.
    """
    plain = {*results.status.dims, "step"}
    every = [str(n) for n, v in results.items() if plain.issuperset(v.dims)]
    given = [*quantities] or [n for n in every if n not in ("status", "diverged_at")]
    logged: dict[int | None, dict[str, float]] = {}
    for name in given:
        for step, label, value in _values(name, results[name]):
            logged.setdefault(step, {})[label] = value
    last = max((step for step in logged if step is not None), default=None)
    gone = int((results.status == "diverged").sum())
    final = {**logged.pop(None, {}), "diverged": float(gone)}
    logged[last] = {**logged.get(last, {}), **final}
    for step, values in logged.items():
        tracker.log(values, step=step)


def _values(
    name: str, quantity: xr.DataArray
) -> Iterator[tuple[int | None, str, float]]:
    """Each mean and deviation that is a number: its step, if any, label and value."""
    parts = [quantity] if "seed" not in quantity.dims else spread(quantity)[:2]
    for suffix, found in zip(("", "_sd"), parts, strict=False):
        axes = [str(d) for d in found.dims if d != "step"]
        for place in np.ndindex(*(found.sizes[d] for d in axes)):
            curve = found.isel(dict(zip(axes, place, strict=True)))
            labels = ",".join(f"{d}={_short(curve[d].item())}" for d in axes)
            label = f"{name}{suffix}/{labels}" if labels else f"{name}{suffix}"
            steps = curve["step"].values.tolist() if "step" in curve.dims else [None]
            for step, value in zip(steps, np.atleast_1d(curve.values), strict=True):
                if np.isfinite(value):
                    yield step, label, float(value)


def _short(label: Any) -> str:
    return f"{label:g}" if isinstance(label, float) else str(label)

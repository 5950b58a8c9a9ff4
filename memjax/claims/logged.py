"""From what runs log to one value a run: late averages, rates of decay, counts."""

from typing import Any

import numpy as np


def late(results: Any) -> Any:
    """What runs log, averaged over the last quarter of their steps."""
    time = "leg" if "leg" in results.dims else "step"
    logged = [name for name, found in results.items() if time in found.dims]
    last = results.step >= 0.75 * results.step.isel({time: -1}, drop=True)
    if time == "leg":  # each run's own
        return results[logged].where(last).mean("leg")
    return results[logged].isel(step=np.flatnonzero(last)).mean("step")


def decay(curve: Any) -> Any:
    """The rate, per step, at which a curve falls at its end if that is exponential.

    It is taken from the last step at which any run is known, and two logged before.
    """
    time = "leg" if "leg" in curve.dims else "step"
    last = curve.dropna(time, how="all").isel({time: [-3, -1]})
    fall, steps = (
        a.diff(time).squeeze(time, drop=True) for a in (np.log(last), last.step)
    )
    return -fall / steps


def least_to_most(found: Any) -> float | str:
    """What all runs have, a count say, or the least and the most where they differ."""
    least, most = float(found.min()), float(found.max())
    return most if least == most else f"{least:g} to {most:g}"

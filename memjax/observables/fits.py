"""Laws fitted to what was measured."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar


def power_law(x: Sequence[float], y: np.ndarray) -> np.ndarray:
    """A, B, C and R² of the least-squares fit `A x^B + C`, B between 0.01 and 2."""
    at = np.asarray(x, float)

    def linear(b: float) -> tuple[np.ndarray, float]:
        basis = np.stack([at**b, np.ones(len(at))], axis=1)
        solution = np.linalg.lstsq(basis, y, rcond=None)[0]
        return solution, float(np.sum((basis @ solution - y) ** 2))

    how: dict[str, Any] = {"bounds": (0.01, 2), "options": {"xatol": 1e-9}}
    best = minimize_scalar(lambda b: linear(b)[1], method="bounded", **how).x
    (a, c), residual = linear(best)
    return np.array([a, best, c, 1 - residual / np.sum((y - y.mean()) ** 2)])

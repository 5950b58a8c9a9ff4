"""The tied model on a cycle, in closed form.

Let the logits between nodes i and j be `κ cos(2π (i - j) / n)`: an embedding in the
plane of the first Fourier pair. With `w_j = exp(κ cos θ_j)` and `θ_j = 2π j / n`, the
gradient of the cross-entropy vanishes where `Σ w_j cos θ_j / Σ w_j = cos θ_1`. Then C
(see `observables.spectral.residual`) is negative at every other frequency: this is the
minimum over all positive semidefinite logits, and the directions that gradient descent
keeps are two for every n.
"""

from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq


class FixedPoint(NamedTuple):
    """Where gradient descent on `V Vᵀ` ends on a cycle."""

    kappa: float
    projection: float  # ‖Vᵀe‖ of both kept directions
    loss: float  # nats a node
    spectrum: np.ndarray  # [n // 2 + 1], the eigenvalue of C at each frequency

    @property
    def rate(self) -> float:
        """The decay of frequency 2, the slowest, per step and lr of the sum."""
        return abs(self.spectrum[2])


def fixed_point(nodes: int, self_edges: bool = False) -> FixedPoint:
    """The two-direction fixed point of a cycle, to the accuracy of float64.

    It takes 5 nodes, or 4 with self edges: in smaller cycles no positive semidefinite
    logits tell neighbors apart.
    """
    half = np.pi * np.arange(nodes) / nodes
    frequency = np.arange(nodes // 2 + 1)
    # All cosines as their distance from 1: large cycles would lose every digit else.
    wanted = 2 * np.sin(frequency * half[1]) ** 2  # of the walk, at each frequency
    wanted = wanted * 2 / 3 if self_edges else wanted
    if nodes < 4 or wanted[1] > 1 - 1e-12:
        raise ValueError(f"the fixed point needs a larger cycle, got {nodes} nodes")
    waves = 2 * np.sin(frequency[:, None] * half) ** 2  # [frequencies, nodes]

    def mean(kappa: float) -> np.ndarray:
        weights = np.exp(-kappa * waves[1])
        return waves @ weights / weights.sum()

    kappa = brentq(lambda k: mean(k)[1] - wanted[1], 0, nodes**2, xtol=1e-13)
    loss = np.log(np.exp(-kappa * waves[1]).sum()) + kappa * wanted[1]
    projection = float(np.sqrt(nodes * kappa / 2))
    return FixedPoint(kappa, projection, float(loss), 2 * (mean(kappa) - wanted))


def steps_to(ratio: float, nodes: int, lr: float, self_edges: bool = False) -> float:
    """The steps of gradient descent in which frequency 2 decays by `ratio`.

    `lr` is the step size on the sum over nodes. Near the fixed point frequency k decays
    as `exp(-lr |c_k| t)`, and 2 is the slowest. Its `|c_2|` tends to `2 (2π / n)⁴`, and
    with self edges to a third of it (1.002 thirds: weights that narrow are no longer
    a smooth law on the ring). So the time grows as the fourth power of n.
    """
    return float(np.log(1 / ratio) / (lr * fixed_point(nodes, self_edges).rate))

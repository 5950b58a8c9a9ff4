"""Where the tied model ends on any graph: a convex problem.

The cross-entropy is convex in the logits `K = V Vᵀ`, and a width of n reaches every
positive semidefinite K: a wide model has one end, whatever its start. A large constant
mode costs nothing and lets every node have an offset of its own, so the logits that can
be approached are `X + 1 aᵀ`, X positive semidefinite with rows that sum to zero. The
best X lies on the boundary of that cone, for logits that put neighbors above the node
itself are not semidefinite: few directions remain, without a regularizer.
"""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

import numpy as np
from scipy.sparse.csgraph import connected_components

MOST = 40  # nodes up to which `ends` solves the problem


class Optimum(NamedTuple):
    """The best logits of a tied model."""

    loss: float  # nats, the mean over nodes
    logits: np.ndarray  # X [n, n], rows and columns sum to zero
    offsets: np.ndarray  # a [n]
    gap: float  # the loss is at most this far above the least

    def directions(self, share: float = 0.3) -> int:
        """How many strengths, roots of eigenvalues, exceed a share of the largest."""
        strengths = np.sqrt(np.linalg.eigvalsh(self.logits)[::-1].clip(0))
        return int((strengths > share * strengths[0]).sum())


class Ends(NamedTuple):
    """Where training ends on a graph: the least loss, and the optimum of each part."""

    loss: float
    parts: tuple[Optimum, ...]


def ends(walk: np.ndarray) -> Ends | None:
    """Where the tied model ends on a graph; None for one beyond the solver.

    That is one of more than `MOST` nodes, or with a node that no edge leaves. Parts
    that no edge joins separate for good, as their logits grow: each has its optimum.
    """
    if len(walk) > MOST or not np.allclose(walk.sum(1), 1, atol=1e-5):
        return None
    count, part = connected_components(walk)
    parts = [walk[np.ix_(part == k, part == k)].astype(float) for k in range(count)]
    optima = tuple(_solved(p.tobytes(), len(p)) for p in parts)
    sizes = [len(p) for p in parts]
    return Ends(float(np.average([o.loss for o in optima], weights=sizes)), optima)


@cache
def _solved(walk: bytes, nodes: int) -> Optimum:
    return best_tied(np.frombuffer(walk).reshape(nodes, nodes))


def best_tied(walk: np.ndarray, gap: float = 1e-5) -> Optimum:
    """The least mean over nodes of the cross-entropy of a walk [n, n], within `gap`.

    An interior-point method in float64: Newton steps on `loss - t log det X`, whose
    minimum is at most `(n - 1) t` above the least loss, for falling t. In a graph that
    is not connected the least loss is a limit of growing logits; X stops on the way.
    The unknowns number n²/2 and a step costs n⁶: for graphs of up to some 40 nodes.
    """
    n = len(walk)
    free = np.linalg.qr(np.column_stack([np.ones(n), np.eye(n)]))[0][:, 1:]  # [n, n-1]
    logits_of = _logits_of(free)
    z = np.append(np.eye(n - 1)[np.tril_indices(n - 1)], np.zeros(n - 1))
    t = 1.0
    while (n - 1) * t > gap:
        t /= 4
        z = _newton(partial(_barrier, t=t, walk=walk, logits_of=logits_of), z, 1e-4 * t)
    x = free @ _symmetric(z, n - 1) @ free.T
    loss = _cross_entropy(z, walk, logits_of)[0]
    return Optimum(loss, x, free @ z[1 - n :], (n - 1) * t)


def _logits_of(free: np.ndarray) -> np.ndarray:
    """The matrix [n², unknowns] from the lower triangle of X, and a, to the logits."""
    n, k = free.shape
    i, j = np.tril_indices(k)
    cross = np.einsum("up,vp->uvp", free[:, i], free[:, j])
    cross = np.where(i == j, cross, cross + cross.swapaxes(0, 1))
    offset = np.broadcast_to(free, (n, n, k))
    return np.concatenate([cross, offset], axis=2).reshape(n * n, -1)


def _symmetric(z: np.ndarray, k: int) -> np.ndarray:
    x = np.zeros((k, k))
    x[np.tril_indices(k)] = z[:-k]
    return x + np.tril(x, -1).T


def _cross_entropy(
    z: np.ndarray, walk: np.ndarray, logits_of: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The mean loss of the unknowns, its gradient and its Hessian."""
    n = len(walk)
    logits = (logits_of @ z).reshape(n, n)
    logits = logits - logits.max(1, keepdims=True)
    p = np.exp(logits)
    total = p.sum(1, keepdims=True)
    p /= total
    loss = -np.sum(walk * (logits - np.log(total))) / n
    rows = logits_of.reshape(n, n, -1)
    mean = np.einsum("uv,uvz->uz", p, rows)
    weighted = np.sqrt(p)[:, :, None] * (rows - mean[:, None])
    weighted = weighted.reshape(n * n, -1)
    return loss, logits_of.T @ (p - walk).ravel() / n, weighted.T @ weighted / n


def _barrier(
    z: np.ndarray, t: float, walk: np.ndarray, logits_of: np.ndarray
) -> tuple[float, np.ndarray, np.ndarray]:
    """The loss less `t log det X`, infinite outside the cone."""
    k = len(walk) - 1
    x = _symmetric(z, k)
    try:
        half = np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        return np.inf, z, np.empty(0)
    value, slope, curve = _cross_entropy(z, walk, logits_of)
    value -= 2 * t * np.log(np.diag(half)).sum()
    i, j = np.tril_indices(k)
    twice = np.where(i == j, 1.0, 2.0)
    inverse = np.linalg.inv(x)
    slope[:-k] -= t * twice * inverse[i, j]
    pairs = inverse[np.ix_(i, i)] * inverse[np.ix_(j, j)]
    pairs += inverse[np.ix_(i, j)] * inverse[np.ix_(j, i)]
    curve[:-k, :-k] += t / 2 * np.outer(twice, twice) * pairs
    return value, slope, curve


def _newton(
    f: Callable[[np.ndarray], tuple], z: np.ndarray, within: float
) -> np.ndarray:
    """The minimum of a convex function, from a point where it is finite."""
    value, slope, curve = f(z)
    for _ in range(100):
        move = -np.linalg.solve(curve + 1e-14 * np.eye(len(z)), slope)
        promise = -slope @ move
        if promise < within:
            return z
        length = 1.0
        while f(z + length * move)[0] > value - 0.25 * length * promise:
            length /= 2
            if length < 1e-10:  # the last digits of float64
                return z
        z = z + length * move
        value, slope, curve = f(z)
    return z

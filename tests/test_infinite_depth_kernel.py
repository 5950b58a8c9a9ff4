"""Deep kernels against old classifiers: closed forms, numpy, and the run."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from agreement import assert_mean
from scipy.integrate import quad
from scipy.stats import binom

import memjax as mj
from experiments import infinite_depth_kernel as experiment

SHAPES = {"nodes": 1024, "tests": 300}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def runs(activation, **settings):
    """Runs by one of all activations, told by its place among them."""
    names = tuple(experiment.DUALS)
    settings = {"float64": True, **SHAPES, **settings}
    run = partial(experiment.run, names=names)
    return mj.sweep(run, activation=names.index(activation), **settings)


def test_classes_have_their_densities() -> None:
    found = mj.datasets.overlapping(jax.random.key(0), 200_000, 0.4)
    t, y = map(np.asarray, found)
    assert np.mean(y < 0) == pytest.approx(0.4, abs=0.005)
    for label, mean in ((-1, 1 / 3), (1, 2 / 3)):  # of Beta(1, 2) and Beta(2, 1)
        assert t[y == label].mean() == pytest.approx(mean, abs=0.003)
        assert t[y == label].var() == pytest.approx(1 / 18, abs=0.001)


def eta(t):
    """The chance of the second class at t."""
    return 1.2 * t / density(t)


def density(t):
    return 0.8 + 0.4 * t


def nearest_is_right(size: int, nodes: int = 1500) -> float:
    """How often the nearest of `size` points is, an integral over it and a new point.

    By the angle a of t = 1 / (1 + cot a), in which distances are measured: at distance
    r lies the nearest with density `size g (1 - G)^(size - 1)`, G the chance of r or
    less and g its slope.
    """
    places = (np.arange(nodes) + 0.5) / nodes
    a, r = np.pi / 2 * places, min(np.pi / 2, 25 / size) * places

    def t(a):
        return 1 / (1 + 1 / np.tan(np.clip(a, 1e-9, np.pi / 2 - 1e-9)))

    def slope(a):  # of the chance of an angle below a
        inside = (a > 0) & (a < np.pi / 2)
        return inside * density(t(a)) * t(a) ** 2 / np.sin(np.where(inside, a, 1)) ** 2

    def below(a):
        return 0.8 * t(a) + 0.2 * t(a) ** 2

    ends = a[:, None] + r[None] * np.array([-1, 1])[:, None, None]
    left = 1 - (below(ends[1]) - below(ends[0]))
    own, theirs = eta(t(a))[:, None], eta(t(ends))
    alike = own * theirs + (1 - own) * (1 - theirs)
    each = (size * slope(ends) * left ** (size - 1) * alike).sum(0)
    return float((slope(a)[:, None] * each).sum() * (a[1] - a[0]) * (r[1] - r[0]))


@pytest.mark.long
def test_old_classifiers_are_as_often_right_as_integrals_say() -> None:
    size, shapes = 50, {"depth": 5, "activation": "square", "capacity": 50}
    found = runs(size=size, seed=range(250), **shapes)
    bayes = quad(lambda t: max(eta(t), 1 - eta(t)) * density(t), 0, 1, points=[0.4])[0]
    more = binom.sf(size / 2, size, 0.6)  # than half are of the second class
    wanted = {
        "bayes": bayes,
        "nearest": nearest_is_right(size),
        "majority": 0.6 * more + 0.4 * (1 - more),  # a tie is said to be the first
    }
    for name, value in wanted.items():
        assert_mean(found.classifier.sel(of=name), value, known=0.035)
    limit = quad(lambda t: (eta(t) ** 2 + (1 - eta(t)) ** 2) * density(t), 0, 1)[0]
    gaps = [nearest_is_right(n) - limit for n in (25, 50)]
    assert gaps[1] / gaps[0] == pytest.approx(1 / 4, abs=0.1)


def drawn(seed: int, size: int) -> tuple[np.ndarray, ...]:
    """A run's own draws: angles [size] and labels, and t of its new points."""
    keys = jax.random.split(jax.random.key(seed))
    (t, y), (new_t, _) = (
        map(np.asarray, mj.datasets.overlapping(key, n, experiment.PRIOR))
        for key, n in zip(keys, (size, SHAPES["tests"]), strict=True)
    )
    return np.arctan2(1 - t, t), y, new_t


def apart(at: np.ndarray, new_t: np.ndarray) -> np.ndarray:
    """The angles from new points to points [tests, size]."""
    return abs(np.arctan2(1 - new_t, new_t)[:, None] - at[None, :])


def rightly(votes: np.ndarray, new_t: np.ndarray) -> float:
    """How often the signs of votes are the label of a new point."""
    return float(np.mean(np.where(votes > 0, eta(new_t), 1 - eta(new_t))))


def u7(u: np.ndarray, gone: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The NNGP and the NTK of the dual u⁷/2 + u/2 at inner products u = 1 - `gone`.

    By their recursion, as 1 - u where that is the smaller: it has all its digits.
    """
    tangent = u
    for _ in range(depth):
        slope = 3.5 * u**6 + 0.5
        grown = (gone - np.expm1(7 * np.log1p(-np.minimum(gone, 0.5)))) / 2
        gone, u = grown, np.where(grown < 0.5, 1 - grown, (u**7 + u) / 2)
        tangent = u + tangent * slope
    return u, tangent


def u7_at(angle: np.ndarray, depth: int) -> tuple[np.ndarray, np.ndarray]:
    return u7(np.cos(angle), 2 * np.sin(angle / 2) ** 2, depth)


def test_the_run_interpolates_as_numpy_does() -> None:
    """At 8 layers and 30 points, by the kernel itself and a dense solve."""
    at, y, new_t = drawn(3, 30)
    among, across = (
        u7_at(r, 8)[0] for r in (abs(at[:, None] - at[None, :]), apart(at, new_t))
    )
    a = np.linalg.solve(among + 30 * experiment.RIDGE * np.eye(30), y)
    votes = across @ a
    assert np.min(abs(votes) / (across @ abs(a))) > 1e-4  # no label is in doubt
    at8 = {"size": 30, "depth": 8, "activation": "u7", "seed": 3}
    for capacity in (30, 40):
        found = runs(capacity=capacity, **at8).accuracy.sel(kernel="nngp")
        assert float(found) == pytest.approx(rightly(votes, new_t), abs=1e-12)


def assert_is(found: xr.Dataset, limit: str) -> None:
    """That both kernels give every new point the label of an old classifier."""
    np.testing.assert_allclose(found.agreement.sel(of=limit), 1, rtol=1e-12)
    same = found.classifier.sel(of=limit, drop=True)
    for kernel in found.kernel:
        np.testing.assert_allclose(found.accuracy.sel(kernel=kernel), same, rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_dual_of_slope_zero_at_zero_is_the_nearest_neighbor(seed) -> None:
    """The dual u² has the NNGP cos(r)^(2^L) and the NTK 2^(L+1) - 1 times that.

    So at 200 layers no two points know of each other, and of all that a new one knows
    nothing counts beside the nearest, unless one of the other class is as near to
    60 digits. To five, which is what the run keeps of its kernel's logs, none is.
    """
    at, y, new_t = drawn(seed, 40)
    among, logs = (-np.log(np.cos(r)) for r in (np.diff(np.sort(at)), apart(at, new_t)))
    assert among.min() * 2.0**200 > 1e6
    nearest = logs.min(1)
    other = np.where(y != y[logs.argmin(1)][:, None], logs, np.inf).min(1)
    assert np.all(other > (1 + 1e-5) * nearest)
    at200 = {"size": 40, "depth": 200, "activation": "square", "capacity": 40}
    assert_is(runs(seed=seed, **at200), "nearest")


@pytest.mark.parametrize("seed", range(3))
def test_a_dual_above_zero_at_zero_is_a_vote_of_all(seed) -> None:
    """The dual 3u³/4 + 1/4 takes every u < 1 to (√21 - 3) / 6, where its slope is .16.

    Both kernels grow with u. So all distances lie between the least and the largest,
    and where those have the same kernel, up to a share s, all weights of a vote are
    the same up to about that; 41 labels have a sum of one or more, and s below 1 / 41²
    cannot turn its sign.
    """
    at, y, new_t = drawn(seed, 41)
    across = apart(at, new_t)
    ends = np.array([np.diff(np.sort(at)).min(), across.min(), across.max()])
    gone, tangent = 2 * np.sin(ends / 2) ** 2, np.cos(ends)
    for _ in range(200):
        u = 1 - gone
        gone = 3 / 4 * -np.expm1(3 * np.log1p(-gone))
        tangent = 1 - gone + tangent * 9 / 4 * u**2
    np.testing.assert_allclose(1 - gone, (21**0.5 - 3) / 6, rtol=1e-12)
    assert np.ptp(tangent) / tangent.min() < 1e-10 and len(y) ** -2 > 1e-10
    at200 = {"size": 41, "depth": 200, "activation": "offset", "capacity": 41}
    assert_is(runs(seed=seed, **at200), "majority")


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("depth", [60, pytest.param(200, marks=pytest.mark.long)])
def test_a_dual_linear_at_zero_votes_by_a_singular_kernel(seed, depth) -> None:
    """Its points do not know of each other, so that labels are votes by the kernel.

    As a share of its value at 0 the kernel is all but zero at every distance.
    """
    at, y, new_t = drawn(seed, 100)
    across = apart(at, new_t)
    kernels, at0 = u7_at(across, depth), u7(np.array(1.0), np.array(0.0), depth)
    near = u7_at(np.diff(np.sort(at)).min(), depth)
    assert max(float(k / own) for k, own in zip(near, at0, strict=True)) < 1e-9
    chord = 2 * np.sin(across / 2)
    old = {
        "bayes": new_t - experiment.PRIOR,
        "nearest": y[across.argmin(1)],
        "hilbert": (y / chord).sum(1),
        "majority": np.full(len(new_t), y.sum()),
    }
    shapes = {"capacity": 100, "nodes": 4096}
    found = runs("u7", size=100, depth=depth, seed=seed, **shapes)
    for name, kernel in zip(experiment.KERNELS, kernels, strict=True):
        votes = kernel @ y
        assert np.min(abs(votes) / kernel.sum(1)) > 1e-6  # no label is in doubt
        here = found.sel(kernel=name)
        wanted = rightly(votes, new_t)
        assert float(here.accuracy) == pytest.approx(wanted, abs=1e-12)
        for other, says in old.items():
            share = np.mean((votes > 0) == (says > 0))
            assert float(here.agreement.sel(of=other)) == pytest.approx(
                share, abs=1e-12
            )


def test_hilberts_estimate_weighs_by_distance() -> None:
    apart, y = jnp.array([[0.1, 0.15, 0.3]]), jnp.array([1.0, -1.0, -1.0])
    for count, sign in ((3, 0), (2, 1)):  # 10 - 6.7 - 3.3, less by the chord; 10 - 6.7
        w = mj.prefix(count, 3)
        exact = sum(y[:count] / (2 * np.sin(np.asarray(apart[0, :count]) / 2)))
        (hilbert,) = mj.kernels.hilbert(2 * jnp.sin(apart / 2), y, w)
        assert float(hilbert) == pytest.approx(float(exact))
        assert abs(float(hilbert)) > 1 or sign == 0
        assert float(mj.kernels.nearest(apart, y, w)[0]) == 1


@pytest.mark.long
def test_a_vote_by_logs_is_that_of_a_kernel_and_of_one_too_small_to_hold() -> None:
    x, new = np.array([0.0, 0.3, 0.9, 0.4]), np.array([0.1, 0.55, 0.8])
    y, w = jnp.array([1.0, -1.0, 1.0, 5.0]), mj.prefix(3, 4)
    logs = [-jnp.array((v[:, None] - x[None]) ** 2) for v in (x, new)]
    small = jnp.exp(np.array(logs[0][:3, :3]) * 2)
    wanted = np.exp(2 * np.array(logs[1][:, :3])) @ np.linalg.solve(small, y[:3])
    found = mj.kernels.dual.vote(2 * logs[0], 2 * logs[1], y, w, 0.0)
    np.testing.assert_allclose(found * np.exp(2 * np.max(logs[1][:, :3], 1)), wanted)
    # At exp(-10^6 r²) the nearest decides, and all of the numbers would be zero.
    tiny = mj.kernels.dual.vote(1e6 * logs[0], 1e6 * logs[1], y, w, 0.0)
    np.testing.assert_allclose(tiny, [1, -1, 1])


def test_measures_know_powers_and_gaps() -> None:
    r = experiment.DISTANCES
    curve = xr.DataArray(-3 * np.log(r), {"distance": r, "depth": 7}, "distance")
    found = experiment.power({"shapes": xr.Dataset({"log": curve})})
    assert float(found) == pytest.approx(3)
    labels = {"size": [50, 500], "of": ["bayes", "nearest"]}
    right = xr.Dataset(
        {
            "accuracy": ("size", [0.6, 0.7]),
            "classifier": (("size", "of"), [[0.8, 0.5], [0.8, 0.6]]),
        },
        labels,
    )
    results = {"main": right}
    np.testing.assert_allclose(experiment.above(results, "main", "nearest"), 0.1)
    assert float(experiment.nearer(results, "50", "500")) == pytest.approx(0.1)

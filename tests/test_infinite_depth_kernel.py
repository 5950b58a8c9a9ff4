"""Deep kernels against old classifiers: closed forms, numpy, and the run."""

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


def runs(**settings):
    return mj.sweep(experiment.run, float64=True, **SHAPES, **settings)


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


def test_the_run_interpolates_as_numpy_does() -> None:
    """At 8 layers and 30 points, by the kernel itself and a dense solve."""
    keys = jax.random.split(jax.random.key(3))
    (t, y), (new_t, _) = (
        map(np.asarray, mj.datasets.overlapping(key, n, experiment.PRIOR))
        for key, n in zip(keys, (30, 300), strict=True)
    )
    at, new = np.arctan2(1 - t, t), np.arctan2(1 - new_t, new_t)

    def kernel(a, b):
        u = np.cos(a[:, None] - b[None, :])
        for _ in range(8):
            u = u**7 / 2 + u / 2
        return u

    system = kernel(at, at) + 30 * experiment.RIDGE * np.eye(30)
    says = kernel(new, at) @ np.linalg.solve(system, y) > 0
    chance = 1.2 * new_t / (0.8 + 0.4 * new_t)
    wanted = np.mean(np.where(says, chance, 1 - chance))
    at8 = {"size": 30, "depth": 8, "activation": "u7", "seed": 3}
    for capacity in (30, 40):
        found = runs(capacity=capacity, **at8).accuracy.sel(kernel="nngp")
        assert float(found) == pytest.approx(wanted, abs=0.004)


@pytest.mark.parametrize(
    ("activation", "limit"), [("square", "nearest"), ("offset", "majority")]
)
def test_deep_kernels_are_their_limit(activation, limit) -> None:
    found = runs(size=40, depth=200, activation=activation, capacity=40, seed=range(3))
    np.testing.assert_allclose(found.agreement.sel(of=limit), 1, atol=0.01)
    same = found.classifier.sel(of=limit, drop=True)
    np.testing.assert_allclose(found.accuracy.sel(kernel="ntk"), same, atol=0.01)


def test_the_singular_kernel_is_hilberts_estimate() -> None:
    found = runs(size=100, depth=200, activation="u7", capacity=100, seed=range(3))
    alike = found.agreement.mean("seed")
    assert float(alike.sel(kernel="nngp", of="hilbert")) > 0.98
    assert float(alike.sel(kernel="ntk", of="nearest")) > 0.95


def test_hilberts_estimate_weighs_by_distance() -> None:
    apart, y = jnp.array([[0.1, 0.15, 0.3]]), jnp.array([1.0, -1.0, -1.0])
    for count, sign in ((3, 0), (2, 1)):  # 10 - 6.7 - 3.3, less by the chord; 10 - 6.7
        w = mj.prefix(count, 3)
        exact = sum(y[:count] / (2 * np.sin(np.asarray(apart[0, :count]) / 2)))
        (hilbert,) = mj.kernels.hilbert(2 * jnp.sin(apart / 2), y, w)
        assert float(hilbert) == pytest.approx(float(exact))
        assert abs(float(hilbert)) > 1 or sign == 0
        assert float(mj.kernels.nearest(apart, y, w)[0]) == 1


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

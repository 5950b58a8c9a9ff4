"""Multiple descent: the closed form against draws and known cases, and the run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agreement import assert_mean

import memjax as mj
from experiments import multiple_descent as experiment

separate = mj.theory.multiple_descent.separate


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("size", [5, 12, 15, 26])
def test_one_block_costs_what_regression_does(size) -> None:
    wanted = float(mj.theory.double_descent.ridgeless(size, 20, 1, 1).variance)
    for counts in ([20], [0, 20, 0]):
        assert float(separate(size, jnp.array(counts))) == pytest.approx(wanted)


def test_every_block_has_its_peak() -> None:
    found = jax.vmap(lambda n: separate(n, jnp.array([20, 40, 60])))(jnp.arange(4, 150))
    at = 4 + np.flatnonzero(np.isinf(found))
    np.testing.assert_array_equal(at, [19, 20, 21, 59, 60, 61, 119, 120, 121])


@pytest.mark.parametrize("size", [6, 16, 40])
def test_the_closed_form_is_the_mean_of_lstsq(size) -> None:
    rng, scale = np.random.default_rng(size), np.repeat([1.0, 1e-3], [10, 20])
    costs = []
    for _ in range(2000):
        x = scale * rng.normal(size=(size, 30))
        weights = np.linalg.lstsq(x, rng.normal(size=size), rcond=1e-13)[0]
        costs.append(np.sum((scale * weights) ** 2))
    error = np.std(costs) / len(costs) ** 0.5
    wanted = float(separate(size, jnp.array([10, 20])))
    assert abs(np.mean(costs) - wanted) < 4 * error


@pytest.mark.parametrize(
    ("order", "features", "size"),
    [("rising", 60, 40), pytest.param("falling", 120, 30, marks=pytest.mark.long)],
)
def test_the_run_agrees_with_theory(order, features, size) -> None:
    """With scales apart it tends to it as the square of how far, seed by seed."""
    at = {"size": size, "features": features, "order": order, "float64": True}
    exact = mj.sweep(experiment.theory_run, **at)
    apart = {"apart": [1.0, 0.04, 0.02, 0.01], "seed": range(800), "capacity": size}
    equal, near, far, farthest = mj.sweep(experiment.run, **apart, **at).excess
    assert_mean(equal, exact.equal, known=0.1)
    assert_mean((4 * farthest - far) / 3, exact.separate, known=0.15)
    share = float((farthest - far).mean() / (far - near).mean())
    assert share == pytest.approx(1 / 4, abs=0.06)


def test_the_run_is_lstsq_on_its_own_draws() -> None:
    found = mj.sweep(
        experiment.run, size=8, features=45, apart=0.1, seed=2, order="rising",
        capacity=10, float64=True,
    )  # fmt: skip
    keys = jax.random.split(jax.random.key(2))
    scale = np.repeat([0.01, 0.1], [30, 15])
    x = np.asarray(jax.random.normal(keys[0], (10, 90)))[:8, :45] * scale
    y = np.asarray(jax.random.normal(keys[1], (10,)))[:8]
    weights = np.linalg.lstsq(x, y, rcond=1e-13)[0]
    wanted = np.sum((scale * weights) ** 2)
    assert float(found.excess) == pytest.approx(wanted, rel=1e-6)


def own_draw(kinds: str, size: int, seed: int) -> tuple[np.ndarray, ...]:
    """Features of the run's own single draw, and their means and second moments."""
    deviation, gap = np.transpose([experiment.KINDS[k] for k in kinds])
    key = jax.random.split(jax.random.key(seed), 1)[0]
    x_key, half_key = jax.random.split(key)
    shape = size, len(kinds)
    x = deviation * np.asarray(jax.random.normal(x_key, shape))
    x += gap * np.asarray(jax.random.bernoulli(half_key, shape=shape))
    mean = gap / 2
    return x, mean[:, None] * mean + np.diag(deviation**2 + gap**2 / 4)


@pytest.mark.parametrize("kinds", [experiment.DESIGN, experiment.PROTOTYPE])
def test_designed_features_cost_what_lstsq_does_on_their_draws(kinds) -> None:
    """Below and above as many as points; below, every further one costs more."""
    size, every = 5, list(range(1, len(kinds) + 1))
    at = {"pattern": kinds[::-1], "size": size, "draws": 1, "float64": True}
    found = mj.sweep(experiment.designed_run, features=every, seed=[1, 2], **at).excess
    for seed in (1, 2):
        x, second = own_draw(kinds[::-1], size, seed)
        for d in every:
            weights = np.linalg.pinv(x[:, :d], rcond=1e-13)  # of every label
            wanted = np.trace(weights.T @ second[:d, :d] @ weights)
            here = float(found.sel(features=d, seed=seed))
            assert here == pytest.approx(min(wanted, 1e6), rel=1e-5)
    assert np.all(found.sel(features=slice(1, size)).diff("features") > 0)


def test_a_lone_mixture_costs_what_draws_of_numpy_say() -> None:
    at = {"features": 1, "size": 3, "draws": 1, "float64": True}
    found = mj.sweep(experiment.designed_run, pattern="W", seed=range(2000), **at)
    rng = np.random.default_rng(0)
    x = 3 * rng.normal(size=(200_000, 3)) + 100 * rng.integers(0, 2, (200_000, 3))
    cost = np.minimum((9 + 100**2 / 2) / np.sum(x**2, axis=1), 1e6)
    error = np.hypot(
        cost.std() / len(cost) ** 0.5, float(found.excess.std()) / 2000**0.5
    )
    assert abs(float(found.excess.mean()) - cost.mean()) < 4 * error

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
    ("order", "features", "size"), [("rising", 60, 40), ("falling", 120, 30)]
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

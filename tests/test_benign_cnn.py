"""Signal against noise: the network and its training by numpy, and what is measured."""

import jax
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import benign_cnn as experiment

SMALL = {"q": 3, "dim": 20, "width": 3, "tests": 100, "init_scale": 0.1, "lr": 0.1}


def by_hand(filters, signal, noise, q):
    f = []
    for group in filters:
        values = [
            max(w[0] * signal, 0.0) ** q + max(w[1:] @ noise, 0.0) ** q for w in group
        ]
        f.append(sum(values) / len(group))
    return f[0] - f[1]


@pytest.mark.parametrize("q", [3, 4])
def test_the_network_is_its_formula(q) -> None:
    rng = np.random.default_rng(0)
    filters, noise = rng.normal(size=(2, 3, 6)), rng.normal(size=5)
    for signal in (1.7, -1.7):
        found = experiment.apply(filters, (signal, noise), q)
        assert float(found) == pytest.approx(
            by_hand(filters, signal, noise, q), rel=1e-5
        )


def test_points_are_a_signal_and_noise_beside_it() -> None:
    (signal, noise), y = experiment.draw(jax.random.key(1), 5000, 12, 2.5)
    np.testing.assert_allclose(signal, 2.5 * y)
    assert noise.shape == (5000, 11)
    assert float(abs(y.mean())) < 0.06
    np.testing.assert_allclose(np.cov(noise.T), np.eye(11), atol=0.1)


def test_the_run_is_gradient_descent() -> None:
    """By numpy, with the gradient written out; padding changes nothing."""
    size, ratio, steps = 6, 2.0, 30
    keys = jax.random.split(jax.random.key(5), 3)
    length = 20**0.5 * (ratio / size) ** (1 / 3)
    (signal, noise), y = experiment.draw(keys[0], 8, 20, length)
    signal, noise, y = (np.asarray(v, float)[:size] for v in (signal, noise, y))
    w = np.asarray(0.1 * jax.random.normal(keys[2], (2, 3, 20)), float)
    x = np.stack(
        [np.pad(signal[:, None], ((0, 0), (0, 19))), np.pad(noise, ((0, 0), (1, 0)))]
    )

    def outputs(w):
        return np.maximum(np.einsum("pnd,jrd->pnjr", x, w), 0.0)

    def margins(w):
        f = np.mean(np.sum(outputs(w) ** 3, axis=0), axis=-1)
        return y * (f[:, 0] - f[:, 1])

    for _ in range(steps):
        slope = -y / (1 + np.exp(margins(w))) / size  # of the mean loss in f
        each = 3 * outputs(w) ** 2 / 3  # over the three filters
        pull = np.einsum("n,pnjr,pnd->jrd", slope, each, x)
        w = w - 0.1 * np.array([1, -1])[:, None, None] * pull
    wanted = np.mean(np.log1p(np.exp(-margins(w))))
    for capacity in (size, 8):
        found = mj.sweep(
            experiment.run,
            size=size, ratio=ratio, seed=5, steps=steps, capacity=capacity, **SMALL,
        )  # fmt: skip
        last = float(found.train_loss.isel(step=-1))
        assert last == pytest.approx(wanted, rel=1e-3)
        assert wanted < 0.69


def test_strong_signals_are_benign_and_weak_ones_are_not() -> None:
    found = mj.sweep(
        experiment.run, size=10, ratio=[0.1, 20.0], seed=range(4), steps=1500,
        q=3, dim=100, width=6, tests=200, init_scale=0.05, lr=0.1, capacity=10,
    ).isel(step=-1)  # fmt: skip
    assert float(found.train_loss.max()) < experiment.TRAINED
    harmful, benign = found.test_error.mean("seed").values
    assert harmful == pytest.approx(0.5, abs=0.1)
    assert benign < 0.05


def made_up(error: np.ndarray, loss: float = 0.0) -> dict[str, xr.Dataset]:
    coords = {
        "size": [10, 80],
        "ratio": list(experiment.RATIOS),
        "seed": [0, 1],
        "step": [9],
    }
    full = np.broadcast_to(error[:, :, None, None], [len(v) for v in coords.values()])
    both = {"test_error": full, "train_loss": np.full(full.shape, loss)}
    dims = tuple(coords)
    return {"main": xr.Dataset({n: (dims, v) for n, v in both.items()}, coords)}


def test_the_switch_is_where_errors_fall() -> None:
    log = np.log2(experiment.RATIOS)
    error = np.stack(
        [np.clip(0.5 - 0.25 * (log - at + 1), 0, 0.5) for at in (0.0, 1.0)]
    )
    results = made_up(error)
    np.testing.assert_allclose(
        experiment.switch(results, "main"), [[1, 1], [2, 2]], rtol=1e-6
    )
    np.testing.assert_allclose(experiment.shift(results, "main", "10", "80"), 1)
    assert experiment.fitted(results, "main").value == 1


def test_runs_that_have_not_fitted_do_not_count() -> None:
    results = made_up(np.full((2, 9), 0.5), loss=0.6)
    assert experiment.fitted(results, "main").value == 0
    assert np.isnan(experiment.ended(results, "main", "test_error")).all()


def test_the_switch_needs_ratios_on_both_sides() -> None:
    results = made_up(np.full((2, 9), 0.5))
    few = {"main": results["main"].isel(ratio=slice(4, None))}
    with pytest.raises(mj.NotRun):
        experiment.switch(few, "main")

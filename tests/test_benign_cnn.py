"""Signal against noise: the network and its training by numpy, and what is measured."""

import jax
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import benign_cnn as experiment

theory = mj.theory.benign_cnn
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


@pytest.mark.long
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


def dials(dim: int) -> tuple[float, float]:
    """Rate and initial scale with which outputs do the same in any dimension."""
    return 2 / dim, (1 / dim) ** 0.5


def losses_by_outputs(dim: int, seed: int, orthogonal: bool, steps: int) -> np.ndarray:
    """The run's training loss, at both ends, by the recursion of outputs alone."""
    size, ratio, q = 8, 0.5, 3
    lr, scale = dials(dim)
    data_key, _, init_key = jax.random.split(jax.random.key(seed), 3)
    length = dim**0.5 * (ratio / size) ** (1 / q)
    (_, noise), y = experiment.draw(data_key, size, dim, length)
    w = scale * experiment.normals(init_key, 2, 3, dim)
    gram = float(dim) if orthogonal else noise @ noise.T
    outputs = theory.Outputs(w[..., 0] * length, w[..., 1:] @ noise.T)
    weights, found = mj.prefix(size, size), []
    step = jax.jit(theory.step, static_argnums=6)
    for t in range(steps + 1):
        if t in (0, steps):
            margin = y * theory.values(outputs, y, q)
            found.append(float(weights @ jax.nn.softplus(-margin)))
        outputs = step(outputs, y, weights, gram, length**2, lr, q)
    return np.array(found)


def losses_by_filters(dim: int, seeds: range, steps: int) -> np.ndarray:
    lr, scale = dials(dim)
    at = {"size": 8, "ratio": 0.5, "steps": steps, "init_scale": scale, "lr": lr}
    shapes = {"dim": dim, "width": 3, "tests": 5, "q": 3, "capacity": 8}
    runs = mj.sweep(experiment.run, seed=seeds, float64=True, **at, **shapes)
    return runs.train_loss.transpose("seed", "step").values


@pytest.fixture
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.long
def test_filters_outputs_obey_a_recursion_of_their_own(double) -> None:
    """Exactly, with the Gram matrix of the noise: to the last digits of a double."""
    for seed, full in enumerate(losses_by_filters(50, range(3), steps=60)):
        found = losses_by_outputs(50, seed, False, steps=60)
        np.testing.assert_allclose(found, full, rtol=1e-9)


@pytest.mark.long
def test_orthogonal_noise_is_the_limit_of_many_dimensions(double) -> None:
    """Losses on the way are off by 1 / √d, as the cosines of the patches are."""
    gaps, seeds = [], range(40)
    for dim in (200, 3200):
        found = [losses_by_outputs(dim, s, True, steps=10) for s in seeds]
        apart = (found - losses_by_filters(dim, seeds, steps=10))[:, 1]
        gaps.append(np.sqrt(np.mean(apart**2)))
    assert gaps[1] < 0.005  # of a loss of .3 on average
    assert gaps[1] / gaps[0] == pytest.approx(1 / 4, abs=0.1)


@pytest.mark.long
def test_what_was_learned_of_old_noise_is_heard_in_new(double) -> None:
    """By filters that are drawn and moved along drawn patches, in many dimensions."""
    keys, dim, count = jax.random.split(jax.random.key(0), 5), 4000, 6
    patches = jax.random.normal(keys[0], (count, dim))
    begun = 0.01 * jax.random.normal(keys[1], (2, 3, dim))
    shares = 0.01 * jax.random.normal(keys[2], (2, 3, count))
    moved = begun + shares @ patches
    new = jax.random.normal(keys[3], (2000, dim))
    start = theory.Outputs(moved[..., 0], begun @ patches.T)
    end = start._replace(noise=start.noise + dim * shares)
    drawn = theory.new_noise(keys[4], start, end, 0.01, dim, 2000)
    pair = [np.cov(np.reshape(v, (6, -1))) for v in (moved @ new.T, drawn)]
    np.testing.assert_allclose(*pair, atol=0.15 * np.max(pair[0]))


def test_the_run_ends_where_theory_says() -> None:
    """Test errors from a half to zero, as means over draws of data and filters."""
    at = {"size": 10, "ratio": [0.1, 1.0, 8.0], "steps": 600, "capacity": 10}
    shapes = {"dim": 400, "width": 6, "tests": 200, "init_scale": 0.03, "lr": 0.2}
    how = {"seed": range(40), "q": 3, **at, **shapes}
    runs = mj.sweep(experiment.run, **how).isel(step=-1).test_error
    exact = mj.sweep(experiment.theory_run, **how).test_error
    error = np.hypot(runs.std("seed", ddof=1), exact.std("seed", ddof=1)) / 40**0.5
    gap = abs(runs.mean("seed") - exact.mean("seed"))
    assert (gap < 4 * error + 1e-9).all()
    assert (4 * error < 0.25).all()


@pytest.mark.long
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

"""Kernels, ridge on a measure and gradient outer products, against numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg

import memjax as mj

RNG = np.random.default_rng(0)
X, Z = RNG.normal(size=(9, 4)), RNG.normal(size=(7, 4))
FACTOR = RNG.normal(size=(4, 4))
METRIC = FACTOR @ FACTOR.T / 4
KERNELS = {
    "gaussian": mj.kernels.gaussian(1.7),
    "laplace": mj.kernels.laplace(1.7),
    "quadratic": mj.kernels.quadratic,
    "exponential": mj.kernels.inner(jnp.exp),
}


def by_hand(name: str, x: np.ndarray, z: np.ndarray) -> float:
    u, square = x @ METRIC @ z, (x - z) @ METRIC @ (x - z)
    forms = {
        "gaussian": np.exp(-square / (2 * 1.7**2)),
        "laplace": np.exp(-np.sqrt(square) / 1.7),
        "quadratic": u**2,
        "exponential": np.exp(u),
    }
    return forms[name]


@pytest.mark.parametrize("name", KERNELS)
def test_gram_is_the_kernel_between_all_points(name: str) -> None:
    wanted = [[by_hand(name, x, z) for z in Z] for x in X]
    found = mj.kernels.gram(
        KERNELS[name], jnp.array(X), jnp.array(Z), jnp.array(METRIC)
    )
    np.testing.assert_allclose(found, wanted, rtol=2e-5)


@pytest.mark.parametrize("name", KERNELS)
def test_gradients_are_those_of_the_function(name: str) -> None:
    a = RNG.normal(size=(7, 2))
    step = 1e-5
    wanted = np.zeros((9, 2, 4))
    for j, x in enumerate(X):
        for e in range(4):
            ends = [x + sign * step * np.eye(4)[e] for sign in (1, -1)]
            f = [np.array([by_hand(name, at, z) for z in Z]) @ a for at in ends]
            wanted[j, :, e] = (f[0] - f[1]) / (2 * step)
    given = (jnp.array(v) for v in (X, Z, a, METRIC))
    found = mj.kernels.gradients(KERNELS[name], *given)
    np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max())


def test_laplace_slope_between_equal_points_is_zero() -> None:
    x = jnp.array(X)
    found = mj.kernels.gradients(
        KERNELS["laplace"], x[:1], x[:1], jnp.ones((1, 1)), METRIC
    )
    np.testing.assert_array_equal(found, 0.0)


def gram_and_labels(n: int) -> tuple[np.ndarray, np.ndarray]:
    x = np.random.default_rng(1).normal(size=(n, 3))
    return np.exp(-0.5 * ((x[:, None] - x[None]) ** 2).sum(2)), x @ np.ones(3)


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_points_of_weight_zero_leave_the_ridge_solution_of_the_others(
    strength: float,
) -> None:
    gram, y = gram_and_labels(10)
    wanted = np.linalg.solve(gram[:6, :6] + 6 * strength * np.eye(6), y[:6])
    w = mj.prefix(6, 10)
    found = mj.kernels.ridge(jnp.array(gram), jnp.array(y), w, strength)
    np.testing.assert_allclose(found[:6], wanted, rtol=2e-3)
    np.testing.assert_array_equal(found[6:], 0.0)


def test_a_point_of_double_weight_counts_as_two() -> None:
    gram, y = gram_and_labels(5)
    twice = [0, 0, 1, 2, 3, 4]
    noisy = y + np.array([1, 0, 0, 0, 0])
    wanted = np.linalg.solve(
        gram[np.ix_(twice, twice)] + 6 * 0.1 * np.eye(6), noisy[twice]
    )
    w = jnp.array([2, 1, 1, 1, 1]) / 6
    found = mj.kernels.ridge(jnp.array(gram), jnp.array(noisy)[:, None], w, 0.1)[:, 0]
    np.testing.assert_allclose(found, [wanted[:2].sum(), *wanted[2:]], rtol=1e-4)


def test_ridge_solves_of_several_sizes_share_one_vmap() -> None:
    gram, y = gram_and_labels(10)

    def solve(size: jax.Array) -> jax.Array:
        return mj.kernels.ridge(jnp.array(gram), jnp.array(y), mj.prefix(size, 10), 0.1)

    together = jax.jit(jax.vmap(solve))(jnp.array([4, 10]))
    for size, found in zip((4, 10), together, strict=True):
        np.testing.assert_allclose(found, solve(jnp.array(size)), rtol=1e-5)


SLOPES = RNG.normal(size=(9, 2, 4))
WEIGHTS = RNG.uniform(size=9) / 4


@pytest.mark.parametrize("centered", [False, True])
def test_agop_is_the_mean_outer_product(centered: bool) -> None:
    w = WEIGHTS / WEIGHTS.sum()
    wanted = np.zeros((4, 4))
    mean = sum(w[j] * SLOPES[j] for j in range(9))
    for j in range(9):
        g = SLOPES[j] - mean if centered else SLOPES[j]
        wanted += w[j] * sum(np.outer(g[c], g[c]) for c in range(2))
    given = jnp.array(SLOPES), jnp.array(w), centered
    np.testing.assert_allclose(mj.kernels.agop(*given), wanted, rtol=1e-4, atol=1e-5)
    half = mj.kernels.agop_root(*given)
    np.testing.assert_allclose(half @ half, wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(half, mj.kernels.root(jnp.array(wanted)), atol=2e-4)


@pytest.mark.parametrize("double", [False, True])
def test_agop_root_in_a_metric_is_that_of_the_slopes_times_it(double: bool) -> None:
    with jax.enable_x64(double):
        metric = jnp.array(np.cov(np.random.default_rng(1).normal(size=(4, 9))))
        slopes, w = jnp.array(SLOPES), jnp.array(WEIGHTS)
        found = mj.kernels.agop_root(slopes, w, True, metric)
        formed = mj.kernels.agop_root(slopes @ metric, w, True)
        assert found.dtype == (np.float64 if double else np.float32)
        np.testing.assert_allclose(found, formed, atol=1e-7 if double else 1e-4)


def test_root_cuts_negative_eigenvalues() -> None:
    basis = np.linalg.qr(RNG.normal(size=(3, 3)))[0]
    matrix = basis @ np.diag([4.0, 1.0, -2.0]) @ basis.T
    wanted = basis @ np.diag([2.0, 1.0, 0.0]) @ basis.T
    np.testing.assert_allclose(mj.kernels.root(jnp.array(matrix)), wanted, atol=1e-5)


def test_agop_root_keeps_directions_that_the_product_would_lose() -> None:
    steep = np.array([1.0, 1e-4])
    turn = np.array([[0.6, 0.8], [-0.8, 0.6]])
    rows = jnp.array((np.linalg.qr(RNG.normal(size=(20, 2)))[0] * steep) @ turn)
    found = mj.kernels.agop_root(rows[:, None, :], jnp.ones(20))
    along = turn[1] @ np.asarray(found, float) @ turn[1]
    assert abs(along - 1e-4) < 1e-6  # rounding of the product alone is worth 2e-4


def test_agop_root_is_as_good_as_its_rounding_over_six_decades() -> None:
    steep = np.append(10.0 ** -np.linspace(0, 6, 29), 0.0)
    turn = np.linalg.qr(RNG.normal(size=(30, 30)))[0]
    rows = RNG.normal(size=(400, 30)) * steep @ turn
    _, values, vectors = np.linalg.svd(rows)
    wanted = (vectors.T * values) @ vectors
    found = mj.kernels.agop_root(jnp.array(rows)[:, None, :], jnp.ones(400))
    assert abs(found - wanted).max() < 3e-6 * values[0]
    at_once = mj.kernels.root(jnp.array(rows.T @ rows))
    assert abs(at_once - wanted).max() > 1e-4 * values[0]


@pytest.mark.long
def test_feature_machine_finds_three_coordinates_of_twenty() -> None:
    """Radhakrishnan et al., arXiv 2212.13881: test MSE .0123 falls to .0020."""
    keys = jax.random.split(jax.random.key(0))
    x, fresh = (0.5 * jax.random.normal(key, (4000, 20)) for key in keys)

    def target(x: jax.Array) -> jax.Array:
        return x[:, 0] * x[:, 1] * (x[:, 5] > 0)

    kernel, w = mj.kernels.laplace(10.0), jnp.full(4000, 1 / 4000)

    @jax.jit
    def iterate(metric: jax.Array) -> tuple[jax.Array, jax.Array]:
        gram = mj.kernels.gram(kernel, x, x, metric)
        a = mj.kernels.ridge(gram, target(x)[:, None], w, 1e-3 / 4000)
        f = mj.kernels.gram(kernel, fresh, x, metric) @ a[:, 0]
        slope = mj.kernels.gradients(kernel, x, x, a, metric)
        return jnp.mean((f - target(fresh)) ** 2), mj.kernels.agop(slope, w)

    metric, errors = jnp.eye(20), []
    for _ in range(6):
        error, metric = iterate(metric)
        errors.append(float(error))
    np.testing.assert_allclose(
        errors, [0.0123, 0.0063, 0.0032, 0.0024, 0.0021, 0.0020], rtol=0.25
    )


@pytest.mark.parametrize("features", [3, 7, 8, 9, 20])
@pytest.mark.parametrize("size", [5, 8])
def test_path_from_padded_factors_is_lstsq_and_ridge_alone(features, size) -> None:
    x, y = RNG.normal(size=(8, 24)), RNG.normal(size=(8, 2))
    strengths = np.array([0.0, 0.01, 3.0])
    with jax.enable_x64(True):
        blocks = jnp.asarray(x.reshape(8, 4, 6))
        gram = mj.kernels.pooled(lambda k: blocks[:, k], 8, features, 24)
        found = mj.kernels.factor(gram, mj.prefix(size, 8), features)
        a = np.asarray(mj.kernels.path(found, jnp.asarray(y), strengths))
    alone, labels = x[:size, :features], y[:size]
    wanted = np.linalg.lstsq(alone, labels, rcond=1e-12)[0]
    np.testing.assert_allclose(x[:, :features].T @ a[0], wanted, rtol=1e-7, atol=1e-9)
    for k, strength in enumerate(strengths[1:], 1):
        system = alone.T @ alone + size * strength * np.eye(features)
        wanted = scipy.linalg.solve(system, alone.T @ labels, assume_a="pos")
        np.testing.assert_allclose(x[:, :features].T @ a[k], wanted, rtol=1e-8)
    assert not a[:, size:].any()


def test_the_cutoff_is_a_share_of_the_largest_eigenvalue() -> None:
    turn = np.linalg.qr(RNG.normal(size=(6, 6)))[0]
    gram = (turn * np.array([1e-7, 1e-5, 1e-3, 0.1, 1.0, 10.0])) @ turn.T
    y, w = RNG.normal(size=6), np.full(6, 1 / 6)
    with jax.enable_x64(True):
        found = mj.kernels.factor(jnp.asarray(gram), jnp.asarray(w), cutoff=1e-5)
        a = mj.kernels.path(found, jnp.asarray(y), jnp.zeros(1))[0]
    wanted = np.linalg.pinv(gram, rcond=1e-5, hermitian=True) @ y
    np.testing.assert_allclose(a, wanted, rtol=1e-8)


@pytest.mark.long
def test_features_and_samples_are_one_vmap_and_too_many_give_nan() -> None:
    def fit(features, size):
        def drawn(k):
            return jax.random.normal(jax.random.key(k), (6, 4))

        gram = mj.kernels.pooled(drawn, 6, features, 10)
        found = mj.kernels.factor(gram, mj.prefix(size, 6), features)
        return gram @ mj.kernels.path(found, jnp.arange(6.0), jnp.zeros(1))[0]

    counts, sizes = jnp.array([2, 9, 10, 11, 0]), jnp.array([6, 3, 4, 4, 4])
    found = jax.vmap(fit)(counts, sizes)
    for k in range(3):
        np.testing.assert_allclose(found[k], fit(counts[k], sizes[k]), rtol=2e-3)
    np.testing.assert_allclose(found[1, :3], [0, 1, 2], atol=1e-3)  # interpolated
    assert np.isnan(found[3:]).all()


@pytest.mark.parametrize(("points", "features"), [(5, 8), (8, 5)])
def test_minimum_norm_is_lstsqs_and_padding_changes_nothing(points, features) -> None:
    x, y = RNG.normal(size=(10, features)), RNG.normal(size=10)
    w = mj.prefix(points, 10)
    with jax.enable_x64(True):
        a = mj.kernels.minimum_norm(jnp.array(x @ x.T), jnp.array(y), w, features)
    wanted = np.linalg.lstsq(x[:points], y[:points], rcond=1e-12)[0]
    np.testing.assert_allclose(np.asarray(a) @ x, wanted, rtol=1e-6)


def test_random_waves_have_a_gaussian_kernel() -> None:
    """On average over waves, within four standard errors of their mean."""
    keys = jax.random.split(jax.random.key(0))
    block = mj.kernels.cosines(*keys, jnp.array(X), 1.5, 4000.0, 2000)
    waves = np.concatenate([block(0), block(1)], axis=1, dtype=float)
    each = 4000 * waves[:, None] * waves[None]
    error = each.std(2) / 4000**0.5
    wanted = np.exp(-((X[:, None] - X[None]) ** 2).sum(2) / (2 * 1.5**2))
    assert np.all(np.abs(each.mean(2) - wanted) < 4 * error)

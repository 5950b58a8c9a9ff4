"""Classifiers of minimum norm: drawn Gram matrices, closed forms, runs and the SVM."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from agreement import assert_mean, without_first_order
from scipy import stats
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import minimize

import memjax as mj
from experiments import classification_vs_regression as experiment

theory = mj.theory.classification


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


DRAWS = 4000
KEYS = jax.random.split(jax.random.key(1), DRAWS)


@pytest.fixture(scope="module")
def drawn():
    """Gram matrices of five points; the number of features is traced."""
    with jax.enable_x64(True):
        draw = jax.vmap(mj.datasets.gaussian_gram, (0, None, None))
        return jax.jit(draw, static_argnums=1)


@pytest.mark.parametrize("features", [2, 5, 9])
def test_a_drawn_gram_matrix_has_the_law_of_one_from_points(features, drawn) -> None:
    grams = np.asarray(drawn(KEYS, 5, features))
    x = np.random.default_rng(1).normal(size=(DRAWS, 5, features))
    made = x @ x.swapaxes(1, 2)
    assert np.linalg.matrix_rank(grams[0]) == min(features, 5)
    inverse = [np.linalg.inv] if features > 8 else []  # has a mean then
    for f in (np.array, np.square, np.linalg.eigvalsh, *inverse):
        pair = [f(g).reshape(DRAWS, -1) for g in (grams, made)]
        error = np.hypot(*(v.std(0) for v in pair)) / DRAWS**0.5
        gap = np.abs(pair[0].mean(0) - pair[1].mean(0))
        assert np.all(gap < 4.5 * error + 1e-9)


def test_fewer_points_of_a_drawn_gram_matrix_are_a_prefix(drawn) -> None:
    small, large = (drawn(KEYS, n, 4) for n in (3, 5))
    np.testing.assert_allclose(small, large[:, :3, :3], rtol=1e-12)


@pytest.mark.parametrize(("size", "features"), [(5, 5), (12, 30), (64, 266)])
def test_the_share_of_support_vectors_is_students(size, features) -> None:
    freedom = features - size + 2
    wanted = stats.t.cdf(np.sqrt(freedom / (size - 1)), freedom)
    assert float(theory.support(size, features)) == pytest.approx(wanted, rel=1e-10)


@pytest.mark.parametrize("features", [8, 14, 60])
def test_support_vectors_are_as_many_as_of_draws(features) -> None:
    """Both the share of them and how often all of 8 points are, by dense solves."""
    rng, count = np.random.default_rng(features), 20_000
    x = rng.normal(size=(count, 8, features))
    y = rng.choice([-1.0, 1.0], (count, 8, 1))
    yes = (y * np.linalg.solve(x @ x.swapaxes(1, 2), y))[..., 0] > 0
    for draws, exact in (
        (yes.mean(1), theory.support),
        (yes.all(1), theory.all_support),
    ):
        error = np.std(draws) / count**0.5
        assert abs(np.mean(draws) - float(exact(8, features))) < 4 * error


@pytest.mark.parametrize(
    ("size", "features"), [(8, 8), (8, 14), (16, 22), (64, 266), (64, 665)]
)
def test_all_points_support_by_the_law_of_the_extreme(size, features) -> None:
    """By McKay's recursion for the largest of n normal numbers less their mean."""
    u = np.linspace(0, 8, 8001)
    below = np.ones_like(u)
    for n in range(2, size + 1):
        wider = n / (n - 1)
        before = CubicSpline(u, below)(np.minimum(wider * u, 8))
        slope = n * wider**0.5 * stats.norm.pdf(wider**0.5 * u) * before
        below = CubicSpline(u, slope).antiderivative()(u)
    assert below[-1] == pytest.approx(1, abs=1e-7)
    chi = stats.chi(features - size + 2, scale=size**-0.5)
    wanted = CubicSpline(u, below * chi.pdf(u)).integrate(0, 8)
    assert float(theory.all_support(size, features)) == pytest.approx(wanted, abs=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_minimum_norm_is_the_largest_margin_where_all_points_support(seed) -> None:
    """Against an optimizer of the margin that knows nothing of Gram matrices."""
    features = 14 if seed % 2 else 60
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(8, features)), rng.choice([-1.0, 1.0], 8)
    a = np.asarray(mj.kernels.ridge(jnp.array(x @ x.T), jnp.array(y), mj.prefix(8, 8)))
    found = mj.observables.supported(jnp.array(y * a), mj.prefix(8, 8))
    edge = {
        "type": "ineq",
        "fun": lambda v: y * (x @ v) - 1,
        "jac": lambda v: y[:, None] * x,
    }
    best = minimize(
        lambda v: v @ v, x.T @ a, jac=lambda v: 2 * v, constraints=edge,
        method="SLSQP", options={"maxiter": 500, "ftol": 1e-12},
    )  # fmt: skip
    same = np.allclose(best.x, x.T @ a, atol=1e-4)
    assert best.success
    assert same == bool(found["all"])


def test_the_closed_form_of_a_mixture() -> None:
    assert float(theory.mixture(20, 2000, 2)) == pytest.approx(0.347, abs=5e-4)
    gap = np.sqrt(80 * 4**4 / (80 * 4**2 + 2000))
    assert float(theory.mixture(80, 2000, 4)) == pytest.approx(stats.norm.cdf(-gap))


def test_regimes_end_where_errors_of_many_points_turn() -> None:
    assert theory.thresholds(1.6, 0.0) == pytest.approx((1, 1.3))
    for p, r in ((1.6, 0.0), (2.5, 0.0), (1.6, 0.3)):
        for end, name in zip(theory.thresholds(p, r), ("risk", "error"), strict=True):
            for side in (-0.05, 0.05):
                few, many = (
                    getattr(
                        theory.on_levels(n, theory.bilevel(n, p, end + side, r)), name
                    )
                    for n in (1e8, 1e10)
                )
                assert (many > few) == (side > 0), (p, r, name, side)


def numpy_fit(size: int, p: float, q: float, r: float, rng: np.random.Generator):
    """The errors of one draw with all of its features, by the pseudoinverse."""
    features, strong = round(size**p), round(size**r)
    share = size**-q
    scale = np.full(features, (1 - share) * features / (features - strong))
    scale[:strong] = share * features / strong
    z = rng.normal(size=(size, features))
    inverse = np.linalg.pinv(z * np.sqrt(scale))
    linear, signs = (
        np.sqrt(scale) * (inverse @ y) for y in (z[:, 0], np.sign(z[:, 0]))
    )
    wrong = np.arccos(signs[0] / np.linalg.norm(signs)) / np.pi
    return (linear[0] - 1) ** 2 + np.sum(linear[1:] ** 2), wrong


@pytest.mark.parametrize(
    ("q", "r"), [((0.8, 1.2), 0.0), pytest.param((0.9,), 0.3, marks=pytest.mark.long)]
)
def test_the_run_has_the_law_of_all_features(q, r) -> None:
    size, p, count = 30, 1.6, 200
    rng = np.random.default_rng(7)
    at = {"p": p, "q": q, "r": r, "size": size, "float64": True}
    drawn = mj.sweep(experiment.run, seed=range(count), room=round(size**r), **at)
    for one in q:
        made = np.array([numpy_fit(size, p, one, r, rng) for _ in range(count)])
        for i, name in enumerate(("risk", "error")):
            runs, wanted = drawn[name].sel(q=one).values, made[:, i]
            error = np.hypot(runs.std(), wanted.std()) / count**0.5
            assert abs(runs.mean() - wanted.mean()) < 4 * error, name


def alike(scale: int) -> tuple[int, float, dict[str, list[float]]]:
    """30 `scale` points and exponents that make the same task at every scale.

    Features are 231 times the scale; one strong one has the share 30^-.8 or 30^-1.2 of
    the variance over the scale, or three of them times the scale have 30^-.9.
    """
    size = 30 * scale
    shares = 30**-0.8 / scale, 30**-1.2 / scale, 30**-0.9
    q = [float(-np.log(s) / np.log(size)) for s in shares]
    r = [0.0, 0.0, float(np.log(3 * scale) / np.log(size))]
    return size, float(np.log(231 * scale) / np.log(size)), {"q": q, "r": r}


@pytest.mark.long
def test_the_run_tends_to_theory_as_one_over_n() -> None:
    ratios = []
    for scale in (1, 2):
        size, p, pairs = alike(scale)
        at, axes = {"p": p, "size": size, "float64": True}, mj.zipped(**pairs)
        runs = mj.sweep(experiment.run, axes, seed=range(800), room=6, **at)
        exact = mj.sweep(experiment.theory_run, axes, **at)
        ratios.append({n: runs[n] / exact[n] for n in ("risk", "error")})
    for name in ("risk", "error"):
        left = without_first_order(*(found[name] for found in ratios))
        assert_mean(left, 1.0, known=0.06)


def exact_risk(size: int, levels) -> float:
    """The mean risk of one strong feature, at any size.

    Of its n values z the strength is `z (weak Gram matrix)^-1 z`, a ratio of two
    independent χ², of n and of features - n degrees of freedom.
    """
    (_, weak), (high, low) = np.asarray(levels.numbers), np.asarray(levels.scale)
    law = stats.beta(size / 2, (weak - size + 1) / 2)

    def risk(u: float) -> float:
        s = high / low * u / (1 - u)
        return (1 + low / high * s) / (1 + s) ** 2 * law.pdf(u)

    return quad(risk, 0, 1, epsabs=1e-12, limit=200)[0]


@pytest.mark.parametrize("case", [0, 1])
def test_theory_of_many_points_is_off_by_one_over_n(case) -> None:
    gaps = []
    for scale in (1, 2, 4):
        size, p, pairs = alike(scale)
        levels = theory.bilevel(1.0 * size, p, pairs["q"][case], 0.0)
        exact = exact_risk(size, levels)
        gaps.append(float(theory.on_levels(size, levels).risk) / exact - 1)
    assert abs(gaps[0]) < 0.05
    np.testing.assert_allclose(np.divide(gaps[1:], gaps[:-1]), 0.5, atol=0.03)


@pytest.mark.long
def test_one_strong_feature_has_its_exact_risk() -> None:
    at = {"p": 1.6, "q": 0.8, "r": 0.0, "size": 30, "float64": True}
    risk = mj.sweep(experiment.run, seed=range(1500), room=1, **at).risk
    assert_mean(risk, exact_risk(30, theory.bilevel(30.0, 1.6, 0.8, 0.0)), known=0.05)


@pytest.mark.long
def test_random_labels_have_theorys_support_vectors() -> None:
    at = {"size": 16, "ratio": [0.5, 1.5, 3.0], "float64": True}
    runs = mj.sweep(experiment.isotropic_run, seed=range(2000), **at)
    exact = mj.sweep(experiment.isotropic_theory_run, **at)
    assert_mean(runs.support, exact.support, known=0.03)
    often = {"ratio": [1.5, 3.0]}
    assert_mean(runs["all"].sel(often), exact["all"].sel(often), known=0.15)


@pytest.mark.long
def test_the_mixture_tends_to_its_closed_form_as_one_over_n() -> None:
    """With n² features and a signal of n^.25, which leave the error what it is."""
    ratios = []
    for scale in (1, 2):
        at = {"size": 20 * scale, "features": 2000 * scale**2, "float64": True}
        at["signal"] = 1.5 * scale**0.25
        shapes = {"seed": range(1000), "capacity": 20 * scale}
        runs = mj.sweep(experiment.mixture_run, **shapes, **at).error
        ratios.append(runs / mj.sweep(experiment.mixture_theory_run, **at).error)
    assert_mean(without_first_order(*ratios), 1.0, known=0.01)


@pytest.mark.long
def test_the_mixture_has_the_law_of_points() -> None:
    size, features, signal, count = 12, 150, 2.5, 300
    rng, wrong = np.random.default_rng(4), []
    for _ in range(count):
        x, y = rng.normal(size=(size, features)), rng.choice([-1, 1], size)
        x[:, 0] += signal * y
        v = np.linalg.pinv(x) @ y
        wrong.append(stats.norm.cdf(-signal * v[0] / np.linalg.norm(v)))
    at = {"size": size, "features": features, "signal": signal, "float64": True}
    runs = mj.sweep(
        experiment.mixture_run, seed=range(count), capacity=size, **at
    ).error.values
    error = np.hypot(runs.std(), np.std(wrong)) / count**0.5
    assert abs(runs.mean() - np.mean(wrong)) < 4 * error

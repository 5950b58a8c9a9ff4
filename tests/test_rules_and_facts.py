"""Rules and facts: the data, the theory against independent forms, the simulation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special

import memjax as mj
from experiments import _rules as shared
from experiments import rules_and_facts as experiment
from experiments import rules_and_facts_models as models

theory = mj.theory.rules_and_facts


# --- data ---------------------------------------------------------------------------


@pytest.mark.long
def test_only_facts_break_the_rule() -> None:
    teacher = jnp.arange(1.0, 6)
    dataset = mj.datasets.rules_and_facts(5, 4000)
    data = dataset(jax.random.key(0), teacher, 3000, 0.4)
    rule = np.sign(data.x @ teacher)
    fact = np.asarray(data.y.fact)
    np.testing.assert_array_equal(data.y.label[~fact], rule[~fact])
    assert abs(fact.mean() - 0.4) < 0.03  # four standard deviations
    assert abs((data.y.label[fact] == rule[fact]).mean() - 0.5) < 0.05
    more = dataset(jax.random.key(0), teacher, 3000, 0.6)
    assert np.all(more.y.fact >= data.y.fact)
    np.testing.assert_array_equal(data.w[:3000], np.float32(1 / 3000))


# --- theory -------------------------------------------------------------------------


def authors_fixed_point(
    alpha: float, eps: float, lam: float, mu1: float, mustar: float, kappa: float | None
) -> tuple[float, float]:
    """The square-loss fixed point of the paper, iterated in numpy as it is written."""
    k = np.sqrt(2 / np.pi) * (1 - eps)
    ms, qs, vs, qw, vw = 0.1, 0.8, 3.0, 0.8, 3.0
    ratio = alpha if kappa is None else alpha / kappa
    for _ in range(3000):
        m, q, v = mu1 * ms, mu1**2 * qs, mu1**2 * vs
        q += 0 if kappa is None else mustar**2 * qw
        v += mustar**2 / lam if kappa is None else mustar**2 * vw
        hats = ratio * k / (1 + v), ratio * (1 + q - 2 * k * m) / (1 + v) ** 2
        m_hat, q_hat, v_hat = *hats, ratio / (1 + v)
        if kappa is None:
            den = lam + mu1**2 * v_hat
            new = (mu1 * m_hat / den, ((mu1 * m_hat) ** 2 + mu1**2 * q_hat) / den**2)
            new = (*new, 1 / den, 0.0, 0.0)
        else:
            new = features_update(m_hat, q_hat, v_hat, lam, mu1, mustar, kappa)
        old = (ms, qs, vs, qw, vw)
        ms, qs, vs, qw, vw = ((a + b) / 2 for a, b in zip(old, new, strict=True))
    gen = np.arccos(m / np.sqrt(q)) / np.pi
    return gen, 0.5 * scipy.special.erfc(v / np.sqrt(2 * q))


def features_update(
    m_hat: float,
    q_hat: float,
    v_hat: float,
    lam: float,
    mu1: float,
    mu: float,
    k: float,
) -> tuple[float, ...]:
    g, msh, qsh, vsh = 1 / k, mu1 * k * m_hat, mu1**2 * k * q_hat, mu1**2 * k * v_hat
    qwh, b = mu**2 * q_hat, lam + mu**2 * v_hat
    z, s = b / vsh, msh**2 + qsh
    d = np.sqrt((1 + g + z) ** 2 - 4 * g)
    bracket = z * d - z**2 - (g + 1) * z
    first = (2 * z + g + 1) * d - 2 * z**2 - 3 * (g + 1) * z - (g - 1) ** 2
    return (
        msh * (z + 1 + g - d) / (2 * g * vsh),
        s * first / (2 * g * vsh**2 * d) - qwh * bracket / (2 * g * vsh * b * d),
        (z + 1 + g - d) / (2 * g * vsh),
        qwh * ((1 - g) * d + (g + 1) * z + (g - 1) ** 2) / (2 * b**2 * d)
        - s * bracket / (2 * vsh * b * d),
        (1 - g - z + d) / (2 * b),
    )


@pytest.mark.parametrize(
    ("setting", "digits"),
    [
        ((4, 0.2, 1.0, 1.0, 1.0), ("0.1867", "0.0022")),
        ((4, 0.3, 2.2057, 1.0, 0.0), ("0.2160", "0.3406")),
        ((4, 0.3, 1e-3, 1.0, 0.0), ("0.2256", "0.3253")),
        ((4, 0.3, 1e-3, 1.0, 2.2057**0.5), ("0.2160", "0.0000")),
        ((1, 0.1, 1e-4, 1.0, 1.0), ("0.2844", "0.0000")),
        ((16, 0.1, 1e-4, 1.0, 1.0), ("0.0779", "0.0000")),
        ((0.7, 0.3, 0.1, 1.0, 0.3), ("0.3719", "0.0000")),
        ((3, 0, 2.0, 2.0, 0.0), ("0.1498", "0.3047")),
    ],
)
def test_closed_form_is_the_fixed_point(setting: tuple, digits: tuple) -> None:
    wanted = authors_fixed_point(*setting, kappa=None)
    np.testing.assert_allclose(theory.kernel(*setting), wanted, rtol=2e-4, atol=1e-6)
    assert tuple(f"{value:.4f}" for value in wanted) == digits


@pytest.mark.parametrize(
    ("kappa", "digits"),
    [
        (0.5, ("0.3777", "0.3555")),
        (2.0, ("0.3372", "0.1068")),
        (30.0, ("0.2618", "0.0000")),
    ],
)
def test_features_are_the_fixed_point(kappa: float, digits: tuple) -> None:
    wanted = authors_fixed_point(3.0, 0.3, 0.1, 1.0, 0.5, kappa)
    found = theory.random_features(3.0, kappa, 0.3, 0.1, 1.0, 0.5)
    np.testing.assert_allclose(found, wanted, rtol=5e-4, atol=1e-6)
    assert tuple(f"{value:.4f}" for value in wanted) == digits


def test_many_features_are_the_kernel() -> None:
    many = theory.random_features(4.0, 1e5, 0.2, 1.0, 1.0, 1.0)
    np.testing.assert_allclose(many, theory.kernel(4.0, 0.2, 1.0, 1.0, 1.0), rtol=1e-3)


def test_best_ridge_is_the_minimum_at_every_alpha() -> None:
    ridges = jnp.geomspace(0.5, 10, 200)
    for alpha in (0.5, 3.0, 20.0):
        errors = theory.kernel(alpha, 0.3, ridges, 1.0, 0.0).generalization
        assert abs(ridges[jnp.argmin(errors)] / theory.best_ridge(0.3) - 1) < 0.05
        best = theory.best_generalization(alpha, 0.3)
        assert abs(float(jnp.min(errors) - best)) < 1e-5


def test_ridgeless_kernel_stores_every_fact_and_a_linear_model_does_not() -> None:
    assert theory.kernel(4.0, 0.3, 0.0, 1.0, 0.5).memorization == 0
    assert theory.kernel(4.0, 0.3, 0.0, 1.0, 0.0).memorization > 0.3


@pytest.mark.parametrize(
    ("alpha", "eps", "digits"),
    [
        (1.0, 0.1, "0.2834"),
        (4.0, 0.1, "0.1384"),
        (16.0, 0.1, "0.0410"),
        (4.0, 0.0, "0.1023"),
    ],
)
def test_bayes_solves_its_equation(alpha: float, eps: float, digits: str) -> None:
    assert f"{float(theory.bayes(alpha, eps)):.4f}" == digits
    overlap = np.cos(np.pi * float(theory.bayes(alpha, eps)))
    q = overlap**2

    def density(t: float) -> float:
        tail = 1 + (1 - eps) * scipy.special.erf(np.sqrt(q) * t / np.sqrt(2 * (1 - q)))
        return np.exp(-(1 + q) * t**2 / (2 * (1 - q))) / max(tail, 1e-300)

    reach = 8 * np.sqrt((1 - q) / (1 + q))
    whole = scipy.integrate.quad(density, -reach / (1 + (eps == 0)), reach)[0]
    q_hat = 4 * alpha * (1 - eps) ** 2 / ((2 * np.pi) ** 1.5 * (1 - q)) * whole
    assert abs(q_hat / (1 + q_hat) - q) < 2e-3


@pytest.mark.long
def test_the_tangent_ratio_is_that_of_the_networks_jacobian() -> None:
    width, dim, near = 4000, 50, 0.2
    model = mj.models.mlp((dim, width, 1), scheme=mj.models.he)
    angles = jnp.arccos(jnp.array([1.0, 0.0, near, -near]))
    points = jnp.sqrt(dim) * jnp.eye(dim)[:2]
    others = jnp.stack([jnp.cos(angles), jnp.sin(angles)], axis=1) @ points

    def products(key: jax.Array) -> jax.Array:
        params = model.init(key, 1.0)
        slope = jax.jacobian(lambda p, x: model.apply(p, x)[0])
        slopes = jax.vmap(lambda x: jax.flatten_util.ravel_pytree(slope(params, x))[0])
        return slopes(others) @ slopes(points[:1])[0]

    keys = jax.random.split(jax.random.key(0), 32)
    one, zero, up, down = jnp.mean(jax.lax.map(products, keys), axis=0)
    linear = (up - down) / (2 * near)
    found = (one - zero - linear) / linear
    assert float(found) == pytest.approx(theory.tangent_ratio(width, dim), rel=0.05)


# --- simulation ---------------------------------------------------------------------


def test_theory_and_simulation_agree_within_simulation_error() -> None:
    grid = {"alpha": 3.0, "eps": 0.3, "lam": (0.1, 2.0), "ratio": 0.25}
    static = {"seed": range(16), "dim": 60, "capacity": 180}
    kernel = mj.sweep(experiment.run, **grid, **static)
    features = mj.sweep(models.run, **grid, **static, kappa=2.0)
    exact = mj.sweep(experiment.theory_run, **grid)
    exact_features = mj.sweep(models.theory_run, **grid, kappa=2.0)
    for runs, line in ((kernel, exact), (features, exact_features)):
        for name in shared.BOTH:
            error = runs[name].std("seed", ddof=1) / np.sqrt(16)
            away = abs(runs[name].mean("seed") - line[name])
            assert np.all(away < 4 * error + 1 / 60), name


@pytest.mark.long
def test_a_smaller_set_is_a_weight_vector() -> None:
    at = {"alpha": 2.0, "eps": 0.3, "lam": 0.5, "ratio": 1.0, "seed": (3,), "dim": 20}
    exact = mj.sweep(experiment.run, **at, capacity=40)
    padded = mj.sweep(experiment.run, **at, capacity=64)
    for name in shared.BOTH:
        np.testing.assert_allclose(padded[name], exact[name], rtol=1e-4)


@pytest.mark.long
def test_the_d_equations_are_those_of_the_kernel() -> None:
    """Coefficients from the Gram matrix itself, of 30 points among 40 drawn."""
    at = {"alpha": 1.5, "eps": 0.3, "lam": 0.1, "ratio": 0.7, "seed": 5}
    found = experiment.run(**at, dim=20, capacity=40)
    teacher, data = shared.draw(5, 1.5, 0.3, 20, 40)
    x, y = np.asarray(data.x[:30], float), np.asarray(data.y.label[:30], float)
    gram = x @ x.T / 20 + 0.7 * np.eye(30)
    a = np.linalg.solve(gram + 0.1 * np.eye(30), y)
    fact, direction = np.asarray(data.y.fact[:30]), x.T @ a
    missed = np.mean((gram @ a * y)[fact] < 0)
    cosine = teacher @ direction / np.linalg.norm(teacher) / np.linalg.norm(direction)
    assert float(found["memorization"]) == pytest.approx(missed)
    assert float(found["generalization"]) == pytest.approx(
        np.arccos(float(cosine)) / np.pi, rel=1e-5
    )


def test_only_the_effective_ridge_decides_the_rule_error() -> None:
    """A kernel of ratio r has the E_gen of a linear model whose ridge is r larger."""
    at = {"alpha": 2.0, "eps": 0.3, "seed": range(3), "dim": 20, "capacity": 40}
    kernel = mj.sweep(experiment.run, lam=0.2, ratio=1.5, **at)
    linear = mj.sweep(experiment.run, lam=1.7, ratio=0.0, **at)
    np.testing.assert_allclose(
        kernel.generalization, linear.generalization, rtol=0, atol=1e-5
    )

"""Duals of activations against means over normals; deep kernels against networks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

import memjax as mj

dual = mj.kernels.dual
U = np.array([-0.9, -0.2, 0.0, 0.3, 0.8, 0.999])
SEPTIC = {7: 0.5, 1: 0.5}
DUALS = {
    "relu": dual.relu(),
    "erf": dual.erf(),
    "sine": dual.sine(2.676),
    "polynomial": dual.polynomial(SEPTIC),
    "square": dual.polynomial({2: 1.0}),
    "offset": dual.polynomial({0: 0.25, 3: 0.75}),
}
HERMITE = np.polynomial.hermite_e.HermiteE
ACTIVATIONS = {
    "relu": lambda z: np.maximum(z, 0),
    "erf": lambda z: erf(z),
    "sine": lambda z: np.sin(np.sqrt(2.676) * z),
    "polynomial": lambda z: 0.5**0.5 * (z + HERMITE.basis(7)(z) / 5040**0.5),
    "square": HERMITE.basis(2),
    "offset": lambda z: 0.5 + 0.75**0.5 * HERMITE.basis(3)(z) / 6**0.5,
}


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("name", DUALS)
def test_a_dual_is_a_mean_over_two_correlated_normals(name) -> None:
    nodes, weights = np.polynomial.hermite_e.hermegauss(160)
    weights = weights / weights.sum()
    phi = ACTIVATIONS[name]
    for u in U:
        b = u * nodes[:, None] + np.sqrt(1 - u**2) * nodes[None, :]
        mean = np.sum(weights[:, None] * weights * phi(nodes)[:, None] * phi(b))
        wanted = mean / np.sum(weights * phi(nodes) ** 2)
        assert float(DUALS[name].f(u)) == pytest.approx(wanted, abs=2e-3), u


@pytest.mark.parametrize("name", DUALS)
def test_slopes_and_leading_powers_are_those_of_the_dual(name) -> None:
    one = DUALS[name]
    assert float(one.f(1.0)) == pytest.approx(1)
    for u in U:
        numeric = float(one.f(u + 1e-6) - one.f(u - 1e-6)) / 2e-6
        assert float(one.slope(jnp.array(u))) == pytest.approx(numeric, abs=1e-5)
    if one.order:
        small = 1e-4
        assert float(one.f(small)) == pytest.approx(
            one.lead * small**one.order, rel=1e-3
        )
    else:
        assert float(one.f(0.0)) == pytest.approx(one.lead)


def test_relu_kernels_are_the_recursion_of_angles() -> None:
    """In numpy, by angles: θ' of cos θ' = (sin θ + (π - θ) cos θ) / π."""
    theta, tangent = np.arccos(U), U.copy()
    for _ in range(40):
        slope = 1 - theta / np.pi
        theta = np.arccos((np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi)
        tangent = np.cos(theta) + tangent * slope
    found = dual.nngp(DUALS["relu"], U, 40), dual.ntk(DUALS["relu"], U, 40)
    np.testing.assert_allclose(found[0], np.cos(theta), rtol=1e-9)
    np.testing.assert_allclose(found[1], tangent, rtol=1e-9)


@pytest.mark.long
def test_a_wide_network_has_these_kernels() -> None:
    """Two hidden layers of ReLUs; the tangent kernel by gradients in all weights."""
    width, draws, u = 512, 100, 0.4
    points = jnp.array([[1.0, 0.0, 0.0], [u, (1 - u**2) ** 0.5, 0.0]])

    def network(params, x):
        for w in params[:-1]:
            x = jax.nn.relu(x @ w) * np.sqrt(2 / w.shape[1])
        return x @ params[-1]

    def kernels(key):
        keys, shapes = jax.random.split(key, 3), ((3, width), (width, width), (width,))
        params = [jax.random.normal(k, s) for k, s in zip(keys, shapes, strict=True)]
        a, b = (jax.grad(network)(params, x) for x in points)
        return jnp.vdot(a[-1], b[-1]), sum(map(jnp.vdot, a, b))

    found = jax.lax.map(kernels, jax.random.split(jax.random.key(0), draws))
    for values, kernel in zip(found, (dual.nngp, dual.ntk), strict=True):
        error = float(values.std()) / draws**0.5
        wanted = float(kernel(DUALS["relu"], jnp.array(u), 2))
        assert abs(float(values.mean()) - wanted) < 4 * error + 3 / width * wanted
        assert error < 0.02 * wanted


@pytest.mark.parametrize("name", DUALS)
def test_logs_are_those_of_the_kernels(name) -> None:
    u, depth = np.array([0.05, 0.5, 0.9, 1 - 1e-5, 1.0]), 4
    found = dual.logs(DUALS[name], np.log(u), depth)
    for log, kernel in zip(found, (dual.nngp, dual.ntk), strict=True):
        np.testing.assert_allclose(
            log, np.log(kernel(DUALS[name], u, depth)), rtol=1e-6, atol=1e-9
        )


def test_a_dual_may_be_told_by_its_place() -> None:
    log_u, all_of = np.log([0.05, 0.9, 1 - 1e-5]), list(DUALS.values())
    for place, one in enumerate(all_of):
        found = jax.jit(lambda at: dual.logs_at(at, all_of, 4, log_u))(place)
        np.testing.assert_allclose(found, dual.logs(one, log_u, 4), rtol=1e-6)


def test_logs_go_on_where_numbers_end() -> None:
    square, septic = DUALS["square"], DUALS["polynomial"]
    near = np.array([-1e-20, -1e-3])  # logs of u
    np.testing.assert_allclose(
        dual.logs(square, near, 40)[0], 2.0**40 * near, rtol=1e-5
    )
    shrunk = dual.logs(septic, jnp.array([-1.0]), 3000)[0]
    further = dual.logs(septic, jnp.array([-1.0]), 3001)[0]
    assert float(further[0] - shrunk[0]) == pytest.approx(np.log(0.5))
    close = dual.logs(septic, jnp.array([-1e-20]), 5)[0]  # all slope 4
    assert float(close[0]) == pytest.approx(-(4.0**5) * 1e-20)


@pytest.mark.long
def test_interpolated_kernels_are_those_of_the_recursion() -> None:
    apart = np.array([1e-7, 3e-4, 0.02, 0.9, 1.5])
    for name in ("polynomial", "erf", "relu"):
        recursion = partial(dual.logs, DUALS[name], depth=12)
        found = dual.by_angle(recursion, 4096)(apart)
        u, one = np.array([1.0, *np.cos(apart)]), DUALS[name]
        tangent = u
        for _ in range(12):
            tangent = np.minimum(one.f(u), 1) + tangent * np.asarray(one.slope(u))
            u = np.minimum(one.f(u), 1)
        for k, kernel in enumerate((u, tangent)):
            wanted = np.log(kernel[1:] / kernel[0])
            np.testing.assert_allclose(found[:, k], wanted, rtol=1e-5, atol=1e-6)


def test_the_depth_may_be_traced() -> None:
    both = jax.jit(jax.vmap(lambda depth: dual.ntk(DUALS["erf"], U, depth)))
    found = both(jnp.array([2, 5]))
    np.testing.assert_allclose(found[0], dual.ntk(DUALS["erf"], U, 2), rtol=1e-12)
    np.testing.assert_allclose(found[1], dual.ntk(DUALS["erf"], U, 5), rtol=1e-12)


@pytest.mark.parametrize(
    ("one", "alpha"),
    [
        (dual.polynomial(SEPTIC), 1),
        (dual.polynomial({3: 0.5, 1: 0.5}), 2),
        (dual.polynomial({3: 1 / 4, 2: 1 / 2, 1: 1 / 4}), 4),
        (dual.polynomial({3: 1 / 16, 2: 7 / 8, 1: 1 / 16}), 8),
        (dual.sine(2.676), 2),
        (dual.sine(6.135), 4),
        (dual.sine(13.826), 8),
    ],
)
def test_published_duals_have_the_dimension_of_their_sphere(one, alpha) -> None:
    assert dual.exponent(one) == pytest.approx(alpha, abs=1e-3)


def test_what_is_no_dual_is_refused() -> None:
    with pytest.raises(ValueError, match="sum to 1"):
        dual.polynomial({1: 0.5})
    with pytest.raises(ValueError, match="linear at zero"):
        dual.exponent(DUALS["square"])

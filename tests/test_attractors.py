"""Spectral radii, iterated maps, and what a network stores, against known answers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import associative_memory as am
from memjax import observables as obs


def test_the_spectral_radius_is_the_largest_eigenvalue():
    rng = np.random.default_rng(0)
    matrices = rng.standard_normal((20, 8, 8)).astype(np.float32)
    exact = np.abs(np.linalg.eigvals(matrices)).max(axis=-1)
    leading = np.linalg.eigvals(matrices)[np.arange(20), 0]
    assert np.iscomplex(leading).any()  # pairs that a power iteration would turn with
    np.testing.assert_allclose(obs.spectral_radius(matrices), exact, rtol=2e-4)


@pytest.mark.parametrize(
    ("matrix", "radius"),
    [
        ([[0.0, -0.5], [2.0, 0.0]], 1.0),  # eigenvalues ±i
        ([[0.9, 100.0], [0.0, 0.9]], 0.9),  # defective, of norm 100
        ([[0.0, 0.0], [0.0, 0.0]], 0.0),
        ([[0.0, 3.0], [0.0, 0.0]], 0.0),  # nilpotent
    ],
)
def test_special_matrices(matrix, radius):
    assert float(obs.spectral_radius(jnp.array(matrix))) == pytest.approx(
        radius, rel=3e-4
    )


def test_the_product_applies_the_first_matrix_first():
    a, b = np.array([[0.0, 1.0], [2.0, 0.0]]), np.array([[1.0, 1.0], [0.0, 1.0]])
    np.testing.assert_allclose(obs.product(jnp.array([a, b])), b @ a)


def test_a_map_iterated_and_where_it_ends():
    f = obs.iterated(lambda x: 0.5 * x + 1.0, 10)
    start = jnp.array([6.0, -2.0])
    np.testing.assert_allclose(f(start), 2 + (start - 2) / 2**10)
    points = jnp.array([[0.0, 0.0], [1.0, 0.0]])
    assert int(obs.nearest(jnp.array([0.9, 0.0]), points, 0.2)) == 1
    assert int(obs.nearest(jnp.array([0.5, 3.0]), points, 0.2)) == -1


@pytest.mark.parametrize("slope", [0.5, -0.9, 1.1])
def test_a_linear_map_stores_its_fixed_point_where_it_contracts(slope):
    point = jnp.array([0.3, 0.6])
    data = mj.Data(point[None], point[None], jnp.ones(1))

    def f(x):
        return point + slope * (x - point)

    held = am.stability(f, data)
    assert float(held["radius"].value[0]) == pytest.approx(abs(slope), rel=1e-4)
    found = am.retrieval(f, data, 1, jax.random.key(0))
    back = float(abs(slope) < 1)
    np.testing.assert_allclose(found["recovered"].value, back)
    assert float(found["spurious"]) == 1 - back


def test_of_many_samples_the_first_are_corrupted():
    points = jnp.array([[0.2, 0.4], [0.9, 0.1], [0.5, 0.8]])
    data = mj.Data(points, points, jnp.full(3, 1 / 3))
    found = am.retrieval(lambda x: points[0], data, 1, jax.random.key(0), copied=2)
    np.testing.assert_allclose(found["recovered"].value, 0.5)


def test_the_wave_and_its_slope_are_those_of_the_sine():
    z = np.linspace(-4, 4, 10_001).astype(np.float32)
    exact = z.astype(np.float64)
    slope = jax.vmap(jax.grad(am.wave))(jnp.array(z))
    np.testing.assert_allclose(
        am.wave(jnp.array(z)), exact + np.sin(10 * exact) / 5, atol=2e-6
    )
    np.testing.assert_allclose(slope, 1 + 2 * np.cos(10 * exact), atol=1e-5)


def test_a_rotation_that_shrinks_stores_a_cycle():
    points = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    turn = jnp.array([[0.0, 1.0], [-1.0, 0.0]])

    def f(x):  # pulls towards the unit circle and turns by a quarter
        return (0.8 + 0.2 / jnp.linalg.norm(x)) * (x @ turn)

    data = mj.Data(points, points[jnp.arange(1, 5) % 4], jnp.full(4, 0.25))
    np.testing.assert_allclose(jax.vmap(f)(data.x), data.y, atol=1e-6)
    held = am.stability(f, data)
    # Radially each step contracts to 0.8; along the circle nothing does.
    np.testing.assert_allclose(held["radius"].value, 0.8**0.5, rtol=1e-3)
    assert float(held["cycle_radius"]) == pytest.approx(1.0, rel=1e-3)


def test_padding_changes_neither_cycle_nor_retrieval():
    model = am.network(4, 1, 8, "tanh")
    params = model.init(jax.random.key(2))

    @partial(jax.jit, static_argnums=0)
    def run(capacity):
        data = am.memories(jax.random.key(1), 3, 1, 4, capacity)
        f = partial(model.apply, params)
        held = am.stability(f, data)
        found = am.retrieval(f, data, 3, jax.random.key(3))
        return (
            held["radius"].value[:3],
            held["cycle_radius"],
            found["recovered"].value,
            found["spurious"],
        )

    for exact, padded in zip(run(3), run(5), strict=True):
        np.testing.assert_allclose(exact, padded, rtol=1e-5)


@pytest.mark.parametrize("activation", ["relu", "tanh", "sine"])
def test_a_lone_sample_has_the_derived_eigenvalue(activation):
    """The radius at one sample against φ'(u)u/φ(u), by finite difference."""
    found = mj.sweep(
        am.lone_run, drive=[0.5, 1.5], seed=[0, 1], lr=5e-3, activation=activation,
        steps=3000,
    )  # fmt: skip
    assert float(found.loss.isel(step=-1).max()) < 1e-9
    u = found.u.values.astype(np.float64)

    def phi(z):
        sine = z + np.sin(10 * z) / 5
        return {"relu": np.maximum(z, 0), "tanh": np.tanh(z), "sine": sine}[activation]

    slope = (phi(u + 1e-6) - phi(u - 1e-6)) / 2e-6
    np.testing.assert_allclose(found.radius, np.abs(slope * u / phi(u)), atol=1e-3)


def test_images_are_handed_in_corrupted_and_iterated():
    images = mj.datasets.digits(7, 4)[0]
    found = mj.sweep(
        am.images_run, inputs={"images": images}, lr=1e-3, seed=[0, 1], depth=2,
        width=64, batch=2, steps=500,
    )  # fmt: skip
    assert found.radius.sizes == {"seed": 2, "image": 4}
    assert float(found.loss.isel(step=-1).max()) < 1e-6
    orbit = found.orbit.isel(seed=0)
    assert list(orbit.stage.values) == ["stored", "0", "1", "10", "500"]
    np.testing.assert_array_equal(orbit.sel(stage="stored"), images)
    noise = np.std(orbit.sel(stage="0") - images)
    assert noise == pytest.approx(am.SHOWN_NOISE, rel=0.2)


def test_the_orbits_of_a_map_are_its_iterates():
    images = jnp.array([[0.2, 0.4], [1.0, 0.0]])
    path = am.orbits(lambda x: 0.9 * x, images, jax.random.key(0)).value
    for stage, rounds in zip(path[1:], am.STAGES, strict=True):
        np.testing.assert_allclose(stage, path[1] * 0.9**rounds, atol=1e-6)


@pytest.mark.parametrize(
    ("radii", "spurious", "shares", "verdicts"),
    [
        ([[0.5, 0.9], [0.2, 0.999]], [0.0, 0.0], [1.0, 0.0], [True, True]),
        ([[0.5, 0.9], [0.2, 1.001]], [0.0, 0.5], [0.75, 0.25], [False, False]),
        ([[0.5, np.nan], [0.2, 0.9]], [0.0, np.nan], [0.75, np.nan], [False, False]),
    ],
)
def test_images_are_stored_where_every_radius_is_below_one(
    radii, spurious, shares, verdicts
):
    few = {"radius": (("seed", "image"), radii), "spurious": ("seed", spurious)}
    assert [claim.holds for claim in am.image_claims(xr.Dataset(few))] == [None, None]
    many = {**few, "radius": (("seed", "image"), np.tile(radii, 250))}
    made = am.image_claims(xr.Dataset(many))
    np.testing.assert_array_equal([claim.measured for claim in made], shares)
    assert [claim.holds for claim in made] == verdicts


def test_flags_are_refused_before_anything_runs():
    with pytest.raises(mj.BadValue, match="activation"):
        am.sweeps(activation=("sin",))
    with pytest.raises(mj.BadValue, match="size"):
        am.sweeps(size=(1,))
    with pytest.raises(mj.BadValue, match="image_side"):
        am.sweeps(image_side=5)
    with pytest.raises(mj.BadValue, match="images"):
        am.sweeps(images=0)
    with pytest.raises(mj.BadValue, match="image_batch"):
        am.sweeps(image_batch=0)

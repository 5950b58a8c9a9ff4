"""Spectral radii, iterated maps, and what a network stores, against known answers."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr
from scipy import stats

import memjax as mj
from experiments import _attractors as family
from experiments import associative_images as images
from experiments import associative_memory as am
from memjax import observables as obs
from memjax.datasets import successors
from memjax.observables import attractors as at


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


def test_a_map_iterated_and_where_it_ends():
    f = obs.iterated(lambda x: 0.5 * x + 1.0, 10)
    start = jnp.array([6.0, -2.0])
    np.testing.assert_allclose(f(start), 2 + (start - 2) / 2**10)
    points = jnp.array([[0.0, 0.0], [1.0, 0.0]])
    assert int(obs.nearest(jnp.array([0.9, 0.0]), points, 0.2)) == 1
    assert int(obs.nearest(jnp.array([0.5, 3.0]), points, 0.2)) == -1


POINTS = jnp.array([[0.3, 0.6], [100.0, 100.0], [-100.0, 100.0]])


@jax.jit
def found_of(data, slope, key):
    """What is stored by a map that draws to, or from, the first of three points."""
    point = data.x[0]

    def f(x):
        return point + slope * (x - point)

    return at.stability(f, data), at.retrieval(f, data, 1, key)


@pytest.mark.parametrize("slope", [0.5, -0.9, 1.1])
def test_a_linear_map_stores_its_fixed_point_where_it_contracts(slope):
    held, found = found_of(successors(POINTS, 1, 0), slope, jax.random.key(0))
    assert float(held["radius"].value[0]) == pytest.approx(abs(slope), rel=1e-4)
    assert float(held["cycle_rate"]) == pytest.approx(abs(slope), rel=1e-4)
    back = float(abs(slope) < 1)
    np.testing.assert_allclose(found["recovered"].value, back)
    assert float(found["spurious"]) == 1 - back


def test_copies_return_to_their_own_sample_or_not():
    _, found = found_of(successors(POINTS, 3, 0), 0.5, jax.random.key(0))
    np.testing.assert_allclose(found["recovered"].value, 1 / 3)  # all end at the first
    np.testing.assert_allclose(found["closest"].value, 1)
    assert float(found["spurious"]) == 0


def test_the_closest_sample_is_the_nearest_neighbor():
    """Against numpy, on points of the plane and the very noise that is drawn."""
    x = np.array([[0.2, 0.4], [0.4, 0.3], [0.5, 0.5]], np.float32)
    key = jax.random.key(3)
    found = found_of(successors(jnp.array(x), 3, 0), 0.5, key)[1]["closest"].value
    noise = np.asarray(at.starts_and_noise(key, 3, 4, 2)[1])
    for share, sd in zip(found, at.CORRUPTIONS, strict=True):
        away = np.linalg.norm((x[:, None] + sd * noise)[:, :, None] - x, axis=-1)
        exact = np.mean(away.argmin(-1) == np.arange(3)[:, None])
        assert float(share) == pytest.approx(exact)
    assert 0 < found[-1] < found[0]


def test_starts_are_uniform_and_noise_is_normal_and_both_are_prefixes():
    draw = jax.jit(at.starts_and_noise, static_argnums=(1, 2, 3))
    starts, noise = draw(jax.random.key(0), 200, 4, 3)
    assert stats.kstest(np.ravel(starts), "uniform").pvalue > 0.01
    assert stats.kstest(np.ravel(noise), "norm").pvalue > 0.01
    fewer = draw(jax.random.key(0), 50, 4, 3)
    np.testing.assert_array_equal(fewer[0], starts)
    np.testing.assert_array_equal(fewer[1], noise[:50])


def test_of_many_samples_the_first_are_corrupted():
    data = successors(jnp.array([[0.2, 0.4], [0.9, 0.1], [0.5, 0.8]]), 3, 0)
    found = jax.jit(
        lambda key: at.retrieval(lambda x: data.x[0], data, 1, key, copied=2)
    )(jax.random.key(0))
    np.testing.assert_allclose(found["recovered"].value, 0.5)


def test_a_rotation_that_shrinks_stores_a_cycle():
    points = jnp.array([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [0.0, -1.0]])
    turn = jnp.array([[0.0, 1.0], [-1.0, 0.0]])

    def f(x):  # pulls towards the unit circle and turns by a quarter
        return (0.8 + 0.2 / jnp.linalg.norm(x)) * (x @ turn)

    data = successors(points, 4, 1)
    np.testing.assert_allclose(jax.vmap(f)(data.x), data.y, atol=1e-6)
    held = jax.jit(lambda data: at.stability(f, data))(data)
    # Radially each step contracts to 0.8; along the circle nothing does.
    np.testing.assert_allclose(held["radius"].value, 0.8**0.5, rtol=1e-3)
    assert float(held["cycle_rate"]) == pytest.approx(1.0, rel=1e-3)


def test_the_rate_of_a_cycle_is_that_of_the_product_however_long():
    """Of maps that differ from point to point, in their order, against numpy."""
    rng = np.random.default_rng(0)
    a, x = rng.normal(size=(3, 3)), rng.normal(size=(300, 3))

    def f(z):
        return 0.1 * jnp.tanh(jnp.array(a) @ z)

    def exact(points):
        log, product = 0.0, np.eye(3)
        for z in points:
            product = 0.1 * (1 - np.tanh(a @ z) ** 2)[:, None] * a @ product
            size = np.linalg.norm(product)
            log, product = log + np.log(size), product / size
        return log + np.log(np.abs(np.linalg.eigvals(product)).max())

    assert exact(x) < -120  # far below float32
    along = jax.jit(partial(obs.along, f))
    for count in (3, 300):
        held = jnp.arange(300) < count
        radii, rate = along(jnp.array(x, jnp.float32), held)
        assert float(rate) == pytest.approx(np.exp(exact(x[:count]) / count), rel=1e-3)
        alone = [np.exp(exact([z])) for z in x[:count]]
        np.testing.assert_allclose(radii[:count], alone, rtol=1e-3)
        assert np.isnan(radii[count:]).all()
    assert not np.isclose(exact(x[:3]), exact(x[2::-1]))  # their order matters


def test_each_point_is_followed_by_the_next_and_the_last_by_the_first():
    x = jnp.arange(10.0).reshape(5, 2)
    data = successors(x, 3, 1)
    np.testing.assert_array_equal(data.y[:3], x[jnp.array([1, 2, 0])])
    np.testing.assert_array_equal(successors(x, 3, 0).y[:3], x[:3])
    np.testing.assert_allclose(data.w, [1 / 3, 1 / 3, 1 / 3, 0, 0])


def test_padding_changes_neither_cycle_nor_retrieval():
    turn = 0.9 * jnp.array([[0.0, 1.0], [-1.0, 0.0]])

    @partial(jax.jit, static_argnums=0)
    def run(capacity):
        x = jax.random.uniform(jax.random.key(1), (capacity, 2))
        data = successors(x, 3, 1)

        def f(z):  # near a point to its target, turned and closer; elsewhere it stays
            away = jnp.sum((data.x[:3] - z[None]) ** 2, axis=1)
            i = jnp.argmin(away)
            near = data.y[i] + turn @ (z - data.x[i])
            return jnp.where(away[i] < 0.04, near, z)

        held = at.stability(f, data)
        found = at.retrieval(f, data, 3, jax.random.key(3))
        shares = found["recovered"].value, found["closest"].value, found["spurious"]
        return held["radius"].value[:3], held["cycle_rate"], *shares

    exact, padded = run(3), run(5)
    for one, other in zip(exact, padded, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
    assert 0 < exact[-1] < 1 and 0 < exact[2][-1] < exact[2][0]


PHI = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "sine": lambda z: z + np.sin(10 * z) / 5,
}


def test_a_lone_sample_has_the_derived_eigenvalue():
    """The radius at one sample against φ'(u)u/φ(u), by finite difference."""
    how = {"seed": [0, 1], "lr": 5e-3, "steps": 3000, "inputs": am.alone()}
    found = mj.sweep(am.lone_run, drive=[0.5, 1.5], activation=am.KINDS, **how)
    assert float(found.loss.isel(step=-1).max()) < 1e-9
    for name, phi in PHI.items():
        one = found.sel(activation=name)
        u = one.u.values.astype(np.float64)
        slope = (phi(u + 1e-6) - phi(u - 1e-6)) / 2e-6
        exact = np.abs(slope * u / phi(u))
        np.testing.assert_allclose(one.radius, exact, atol=1e-3)
        np.testing.assert_allclose(one.theory, exact, atol=1e-3)
    np.testing.assert_allclose(found.radius.sel(activation="relu"), 1, atol=1e-4)
    assert float(found.radius.sel(activation=["tanh", "sigmoid"]).max()) < 1


@pytest.mark.long
def test_images_are_handed_in_corrupted_and_iterated():
    digits = mj.datasets.digits(7, 4)[0]
    found = mj.sweep(
        images.run, inputs={"images": digits}, size=4, sequence=0, lr=1e-3, b2=0.97,
        seed=[0, 1], depth=1, width=64, batch=2, steps=500,
    )  # fmt: skip
    assert found.radius.sizes == {"seed": 2, "sample": 4}
    assert float(found.loss.isel(step=-1).max()) < 1e-6
    orbit = found.orbit.isel(seed=0)
    assert list(orbit.stage.values) == ["stored", "0", "1", "10", "500"]
    np.testing.assert_array_equal(orbit.sel(stage="stored"), digits)
    noise = np.std(orbit.sel(stage="0") - digits)
    assert noise == pytest.approx(images.SHOWN_NOISE, rel=0.2)
    away = np.linalg.norm(found.orbit.sel(stage="500") - digits, axis=-1)
    np.testing.assert_allclose(  # the images drawn are among those counted
        found.recovered.sel(corruption=images.SHOWN_NOISE),
        np.mean(away < at.NEAR, axis=1),
        rtol=1e-5,
    )


def test_the_orbit_of_points_is_their_iterates():
    start = jnp.array([[0.2, 0.4], [1.0, 0.0]])
    path = at.orbit(lambda x: 0.9 * x, start, 500)
    assert len(path) == 501
    for rounds in (0, 1, 10, 500):
        np.testing.assert_allclose(path[rounds], start * 0.9**rounds, atol=1e-6)


def test_basins_are_those_of_the_closest_sample_where_each_attracts():
    """Half the way to the closest of three points never leaves its cell."""
    data = successors(jnp.array([[0.1, 0.2], [0.9, 0.3], [0.4, 0.9]]), 3, 0)

    def f(z):
        i = jnp.argmin(jnp.sum((data.x - z[None]) ** 2, axis=1))
        return (data.x[i] + z) / 2

    found = jax.jit(lambda data: at.basins(f, data, 3, 20, 240))(data)
    line = np.linspace(-at.MARGIN, 1 + at.MARGIN, 20)
    cells = np.stack(np.meshgrid(line, line), axis=-1)[:, :, None] - np.asarray(data.x)
    exact = np.linalg.norm(cells, axis=-1).argmin(-1)
    np.testing.assert_array_equal(found["basin"].value, exact)


def limit(radii, rates):
    """Made-up results of two and four points, two seeds, samples and one cycle."""
    radii = np.array(radii)[..., None, :] * np.ones((2, 1))  # [seed, size, sequence, n]
    return {
        "limit": xr.Dataset(
            {
                "radius": (("seed", "size", "sequence", "sample"), radii),
                "cycle_rate": (("seed", "size", "sequence"), rates),
            },
            {"size": [2, 4], "sequence": [0, 1]},
        )
    }


def test_what_is_stored_is_counted_in_points():
    few, nan = [0.5, 0.9, np.nan, np.nan], np.nan
    results = limit(
        [[few, [0.5, 1.1, 1.2, 1.3]], [[1.1, 1.2, nan, nan], [0.5, 0.6, 0.7, 1.3]]],
        [[[2.0, 0.9], [2.0, 0.99]], [[0.1, 1.01], [0.1, 1.01]]],
    )
    np.testing.assert_array_equal(family.most(results, "samples"), [2, 3])
    np.testing.assert_array_equal(family.most(results, "cycle"), [4, 0])
    np.testing.assert_array_equal(family.longer(results), [True, False])


def test_no_limit_is_known_where_all_of_the_most_samples_are_stored():
    all_of = [[[0.5, 0.9, np.nan, np.nan], [0.5, 0.6, 0.7, 0.8]]] * 2
    with pytest.raises(mj.NotRun, match="limit_size"):
        family.most(limit(all_of, np.full((2, 2, 2), 0.5)), "samples")


def test_images_are_stored_where_every_radius_is_below_one():
    few = [[0.5, 0.9], [0.2, 1.001]]
    main = xr.Dataset({"radius": (("seed", "sample"), few)})
    np.testing.assert_array_equal(images.share({"main": main}), [1.0, 0.5])


@pytest.mark.long
def test_every_claim_is_judged_where_networks_are_trained_and_not_all_is_stored():
    made = {n: s.made_up() for n, s in am.sweeps(activation=("elu", "sine")).items()}
    for found in made.values():
        found["loss"], found["radius"] = 0 * found.loss, 2 * found.radius
    assert {claim.needs for claim in am.claims(made)} == {""}


def test_flags_are_refused_before_anything_runs():
    for module, flags in (
        (am, {"activation": ("sin",)}),
        (am, {"size": (1,)}),
        (am, {"samples": 1}),
        (images, {"side": 5}),
        (images, {"size": (0,)}),
        (images, {"batch": 0}),
        (images, {"sequence": (2,)}),
    ):
        with pytest.raises(mj.BadValue, match=next(iter(flags))):
            module.sweeps(**flags)

"""EigenPro: flattening and steps against numpy, and the run against theory."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import memjax as mj
from experiments import eigenpro as experiment
from memjax import kernels
from memjax.kernels import eigenpro

KERNEL = kernels.laplace(2.0)


@pytest.fixture(autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def points(count: int, seed: int = 0) -> jax.Array:
    return jnp.array(np.random.default_rng(seed).normal(size=(count, 3)))


@pytest.mark.parametrize("flat", [0, 1, 7, 29])
def test_anchors_that_are_all_points_flatten_exactly(flat) -> None:
    gram = kernels.gram(KERNEL, points(30), points(30))
    left = eigenpro.left(eigenpro.flattening(gram, flat), gram, gram)
    values = np.linalg.eigvalsh(gram)
    wanted = np.minimum(values, values[29 - flat])
    np.testing.assert_allclose(np.linalg.eigvalsh(left), wanted, atol=1e-10)


@pytest.mark.long
def test_anchors_that_do_not_count_are_as_if_absent() -> None:
    x = points(40)
    gram, few = kernels.gram(KERNEL, x, x), kernels.gram(KERNEL, x[:15], x[:15])
    counted = (jnp.arange(40) < 15).astype(float)
    masked, alone = eigenpro.flattening(gram, 5, counted), eigenpro.flattening(few, 5)
    np.testing.assert_allclose(masked.weights[:15, :15], alone.weights, atol=1e-10)
    np.testing.assert_allclose(masked.weights[15:], 0, atol=1e-12)
    assert float(masked.level) == pytest.approx(float(alone.level))


@pytest.mark.long
def test_nystroms_flattening_is_that_of_the_eigenfunctions_of_the_anchors() -> None:
    x, z = points(25), points(10, 1)
    values, vectors = np.linalg.eigh(np.asarray(kernels.gram(KERNEL, z, z)))
    across = np.asarray(kernels.gram(KERNEL, x, z))
    wanted = np.asarray(kernels.gram(KERNEL, x, x)).copy()
    for i in range(7, 10):  # the three largest; the next is values[6]
        psi = across @ vectors[:, i] / values[i] ** 0.5
        wanted -= (1 - values[6] / values[i]) * np.outer(psi, psi)
    flat = eigenpro.flattening(kernels.gram(KERNEL, z, z), 3)
    found = eigenpro.left(flat, kernels.gram(KERNEL, x, x), jnp.array(across))
    np.testing.assert_allclose(found, wanted, atol=1e-10)


@pytest.mark.long
def test_a_batch_of_all_points_is_a_whole_step() -> None:
    x, z, y = points(24), points(9, 1), points(24, 2)[:, :1]
    flat = eigenpro.flattening(kernels.gram(KERNEL, z, z), 2)
    step = eigenpro.batch_step(KERNEL, x, y, z, flat, 0.3, batch=24, block=8)
    start = eigenpro.Machine(points(24, 3)[:, :1], points(9, 4)[:, :1])
    after, missed = step(start, 0)
    gram, across = (np.asarray(kernels.gram(KERNEL, x, v)) for v in (x, z))
    f = gram @ start.a + across @ start.c - y
    left = gram - across @ flat.weights @ across.T
    found = gram @ after.a + across @ after.c - y
    np.testing.assert_allclose(found, f - 0.3 / 24 * left @ f, atol=1e-10)
    assert float(missed) == pytest.approx(float(np.mean(f**2)))


@pytest.mark.long
def test_batches_end_at_the_direct_solve() -> None:
    x, y, new = points(60), points(60, 2)[:, :1], points(50, 5)
    known = x, y, x[:30], x  # the step is set by all points
    start, epoch, predict = eigenpro.in_batches(KERNEL, *known, 10, 20, held=30)
    np.testing.assert_array_equal(predict(start[0], new), 0)
    machine, missed = jax.lax.fori_loop(0, 1000, lambda t, s: epoch(s, t), start)
    gram = kernels.gram(KERNEL, x, x)
    wanted = kernels.gram(KERNEL, new, x) @ np.linalg.solve(gram, y)
    np.testing.assert_allclose(predict(machine, new), wanted, atol=1e-4)
    assert float(missed) < 1e-8


@pytest.mark.long
def test_whole_steps_are_descent_on_what_flattening_leaves() -> None:
    """In numpy: steps on the values at the points, by the flattened Gram matrix."""
    x, y = points(20), points(20, 2)[:, :1]
    values, vectors = np.linalg.eigh(kernels.gram(KERNEL, x, x))
    flat = (vectors * np.minimum(values, values[16])) @ vectors.T  # three flattened
    f, wanted = np.zeros((20, 1)), []
    for _ in range(40):
        wanted.append(np.mean((f - y) ** 2))
        f = f - flat @ (f - y) / values[16]
    gram, every = kernels.gram(KERNEL, x, x), jnp.ones(20)
    legs = eigenpro.descend(gram, y, 3, every, wanted[25], 39)
    carry, seen = mj.walk(legs)
    np.testing.assert_allclose(seen["residual"], np.array(wanted)[list(legs.times)])
    last = legs.finish(carry.state)
    assert float(last["iterations"]) == pytest.approx(25, abs=1)  # rounding at the edge
    assert float(last["top"]) == pytest.approx(values[16])


@pytest.mark.parametrize("flat", [0, 3])
def test_theory_counts_what_a_loop_does(flat) -> None:
    rng = np.random.default_rng(1)
    values, parts = np.sort(rng.uniform(0.1, 5, 12)), rng.normal(size=12)
    level, left, count = values[11 - flat], parts.copy(), 0
    while np.sum(left**2) > 0.01 * np.sum(parts**2):
        left *= 1 - np.minimum(values, level) / level
        count += 1
    found = mj.theory.eigenpro.iterations(values, jnp.array(parts), flat, 0.01)
    assert int(found) == count


def test_the_run_takes_as_many_iterations_as_theory() -> None:
    at = {"samples": 60, "steps": 400, "flat": [0, 5], "seed": range(3)}
    found = mj.sweep(experiment.run, anchors=60, float64=True, **at)
    exact = mj.sweep(experiment.theory_run, float64=True, **at)
    np.testing.assert_array_equal(found.iterations, exact.iterations)
    np.testing.assert_allclose(found.top, exact.top)

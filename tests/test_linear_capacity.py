"""Linear maps and random labels: losses, Hessians and correlations in numpy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import xarray as xr

import memjax as mj
from experiments import linear_capacity


def points(dim, classes, size, capacity, seed=0):
    data_key, _ = jax.random.split(jax.random.key(seed))
    data = mj.datasets.random_labels(dim, classes, capacity)(data_key, size)
    return np.asarray(data.x, float)[:size], np.asarray(data.y)[:size]


def law(w, x):
    z = x @ w
    raised = np.exp(z - z.max(1, keepdims=True))
    return raised / raised.sum(1, keepdims=True)


def hessian(w, x):
    """That of the mean cross-entropy of a linear map, as written in a book."""
    p = law(w, x)
    curved = np.einsum("nj,jk->njk", p, np.eye(p.shape[1])) - np.einsum(
        "nj,nk->njk", p, p
    )
    whole = np.einsum("na,njk,nb->ajbk", x, curved, x) / len(x)
    return whole.reshape(w.size, w.size)


@pytest.mark.long
def test_a_run_is_that_of_numpy_and_reads_its_own_inputs_only():
    shape = {"max_dim": 6, "capacity": 12, "classes": 3, "steps": 40}
    legs = linear_capacity.run(4, 10, 0.05, 0, **shape)
    start = np.asarray(legs.start[0][0]["w"], float)
    ((layer,), *_) = state = jax.jit(lambda: mj.walk(legs)[0].state)()
    w = np.asarray(layer["w"], float)
    assert (w[4:] == 0).all() and (w[:4] != 0).all()
    x, y = points(6, 3, 10, 12)
    x = x[:, :4]
    seen, last = jax.jit(lambda s: (legs.observe(s), legs.finish(s)))(state)
    each = [-np.log(law(a[:4], x))[np.arange(10), y] for a in (start, w)]
    bits = (10 * np.log(3) - each[1].sum()) / np.log(2)
    assert float(seen["bits"]) == pytest.approx(bits, abs=1e-3)
    assert float(seen["per_parameter"]) == pytest.approx(bits / 12, abs=1e-4)
    right = (law(w[:4], x).argmax(1) == y).mean()
    assert float(seen["accuracy"]) == pytest.approx(right)
    largest = np.linalg.eigvalsh(hessian(w[:4], x))[-1]
    assert float(last["sharpness"]) == pytest.approx(largest, rel=1e-3)
    assert float(last["told"]) == pytest.approx(np.corrcoef(*each)[0, 1], abs=1e-4)


def test_sharpness_is_the_largest_eigenvalue():
    a = np.random.default_rng(0).standard_normal((6, 9))
    curved = a @ a.T
    found = linear_capacity.sharpness(
        lambda v: v @ jnp.asarray(curved, jnp.float32) @ v / 2, jnp.ones(6)
    )
    assert float(found) == pytest.approx(np.linalg.eigvalsh(curved)[-1], rel=1e-3)


def test_correlation_counts_what_weighs():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((2, 8))
    w = np.array([1, 1, 1, 1, 1, 0, 0, 0]) / 5
    found = linear_capacity.correlation(*map(jnp.asarray, (a, b, w)))
    assert float(found) == pytest.approx(np.corrcoef(a[:5], b[:5])[0, 1], abs=1e-5)


def test_measures_are_by_hand():
    few = {"dim": (2, 4), "size": (4, 8, 16), "lr": (0.01, 0.03), "steps": 3}
    (made,) = linear_capacity.sweeps(**few, seeds=2, classes=3).values()
    assert len(made.plan().groups) == 1
    seen = made.made_up()
    right = xr.where(seen["size"] > 4, 8 / seen["size"], 1.0) * seen.dim / 4
    sharp = seen["size"] ** 2.0
    seen["accuracy"] = right.broadcast_like(seen.accuracy)
    seen["sharpness"] = sharp.broadcast_like(seen.sharpness)
    results = {"main": seen}
    np.testing.assert_allclose(
        linear_capacity.memorized(results).sel(dim=4, size=16), 8
    )
    np.testing.assert_allclose(linear_capacity.by_inputs(results), 1)
    assert np.isinf(linear_capacity.posted(results)).all()
    early = seen.assign(accuracy=xr.where(seen.step > 1, 1.0, 0.0) + 0 * seen.accuracy)
    found = linear_capacity.posted({"main": early})
    assert (found.sel(size=16, dim=4) == seen.step[seen.step > 1].min()).all()
    assert np.isinf(found.sel(size=8, dim=4)).all()
    np.testing.assert_allclose(linear_capacity.lost(results), 0, atol=1e-6)
    np.testing.assert_allclose(linear_capacity.sharper(results, "4", "16"), 16)
    learned = linear_capacity.up_to(results)
    expected = np.exp(np.interp(-0.99, [-1, -0.5], np.log([8, 16])))
    np.testing.assert_allclose(learned.sel(dim=4), expected)
    twice = seen.assign(accuracy=xr.where(seen["size"] > 2 * seen.dim, 0.5, 1.0))
    twice["accuracy"] = twice.accuracy.broadcast_like(seen.accuracy)
    steeper = linear_capacity.by_learned({"main": twice})
    np.testing.assert_allclose(steeper, 1)

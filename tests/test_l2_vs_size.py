"""The first experiment: its published data, its fit, its figure."""

import jax
import numpy as np
import optax
import pytest
import xarray as xr
from test_training import adam_step, numpy_gradient

import memjax as mj
from experiments import l2_vs_size as experiment


@pytest.fixture(scope="module")
def results() -> dict:
    sweeps = experiment.sweeps(
        size=(5, 9),
        lr=(1e-3, 1e-2),
        seeds=(0, 2),
        width=(4,),
        steps=20,
        published=False,
    )
    return {name: sweep.compute() for name, sweep in sweeps.items()}


def test_the_published_weights_have_their_norm():
    params = experiment.published_weights()
    shapes = [a.shape for layer in params for a in (layer["w"], layer["b"])]
    assert shapes == [(9, 100), (100,), (100, 100), (100,), (100, 17), (17,)]
    assert float(mj.observables.l2(params)) == pytest.approx(8.677386, abs=1e-5)


def test_the_published_stream_is_numpys():
    (x, y), (test_x, _) = experiment.published_draw(50, 80)
    rng = np.random.default_rng(9266)
    np.testing.assert_array_equal(x[:50], rng.standard_normal((50, 9)).astype("f4"))
    np.testing.assert_array_equal(y[:50], rng.choice(17, 50, p=np.full(17, 1 / 17)))
    np.testing.assert_array_equal(
        test_x[:50], rng.standard_normal((50, 9)).astype("f4")
    )
    np.testing.assert_array_equal(x[50:], x[:30])  # padding is real draws


def test_the_first_published_steps_match_numpy():
    """Ten Adam steps at size 50 against back-propagation by hand."""
    (x, y), _ = experiment.published_draw(50, 50)
    params = [
        np.asarray(a, float)
        for layer in experiment.published_weights()
        for a in (layer["w"], layer["b"])
    ]
    memory = [np.zeros((2, *p.shape)) for p in params]
    for t in range(1, 11):
        slopes = numpy_gradient(params, x.astype(float), y)
        params = [
            adam_step(p, g, m, t, 1e-3, 0.0)
            for p, g, m in zip(params, slopes, memory, strict=True)
        ]
    data = mj.Data(x, y, mj.prefix(50, 50))
    legs = experiment.memorize(
        experiment.published_weights(), data, data, optax.adam(1e-3), 10
    )
    _, seen = jax.jit(lambda: mj.walk(legs))()
    norm = np.sqrt(sum((p**2).sum() for p in params))
    assert float(seen["weight_l2"][-1]) == pytest.approx(norm, rel=1e-5)


def test_the_fit_finds_a_power_law():
    n = np.array(experiment.FITTED, float)
    fit = experiment.power_law(n, 6.5 * n**0.27 - 9.636)
    assert fit["A"] == pytest.approx(6.5, rel=1e-3)
    assert fit["B"] == pytest.approx(0.27, rel=1e-4)
    assert fit["C"] == pytest.approx(-9.636, rel=1e-3)
    assert fit["R2"] == pytest.approx(1)


def test_the_published_points_have_the_published_height_and_fit():
    """The definitions of height and fit, on the post's own ten points."""
    points = experiment.published_points()
    gap = np.array(list(points.values()))
    assert experiment.smoothed_height(gap) == pytest.approx(25.763, abs=2e-3)
    fit = experiment.power_law(np.array(list(points), float)[:6], gap[:6])
    assert fit["A"] == pytest.approx(6.500, abs=0.02)
    assert fit["B"] == pytest.approx(0.270, abs=1e-3)
    assert fit["C"] == pytest.approx(-9.636, abs=0.03)


def test_the_seeds_that_have_the_published_fit_are_counted():
    """Made-up growth: one seed of four follows the published law, all peak at 3200."""
    size = np.array(experiment.SIZES, float)
    laws = [(6.5, 0.27, -9.636), (6.5, 0.3, -9.636), (9.0, 0.27, -9.6), (5, 0.3, -7)]
    grown = np.stack([a * size**b + c for a, b, c in laws])
    grown[:, size > 3200] = 1.0
    weight = xr.DataArray(
        np.stack([0 * grown, grown], axis=-1),
        dims=("seed", "size", "step"),
        coords={"size": list(experiment.SIZES), "step": [0, experiment.STEPS]},
    ).expand_dims({n: [v] for n, v in experiment.REFERENCE.items()})
    found = experiment.other_seed_claims(xr.Dataset({"weight_l2": weight}))
    measured = {claim.name: claim for claim in found}
    assert measured["share of other seeds with the largest gap at 3200"].holds
    recur = measured["share of 4 other seeds with the published A, B, C"]
    assert recur.measured == 0.25
    assert recur.holds is False


def test_the_capacity_is_two_bits_a_parameter():
    assert experiment.capacity(100) == pytest.approx(2 * 12817 / np.log2(17))


def test_the_figure_holds_the_data(results):
    axes = experiment.figure(results).get_axes()
    gap = experiment.gaps(results["main"]).isel(wd=0, init_scale=0, width=0, prior=0)
    curves = axes[3].get_lines()
    published = curves[0].get_xydata()
    np.testing.assert_allclose(
        published, np.array(list(experiment.published_points().items()))
    )
    for line, lr in zip(curves[1:3], (1e-3, 1e-2), strict=True):
        assert f"lr {lr:g}" in line.get_label()
        np.testing.assert_allclose(line.get_xdata(), [5, 9])
        np.testing.assert_allclose(line.get_ydata(), gap.sel(lr=lr).mean("seed"))
    strip = axes[0].get_lines()[0].get_ydata()
    first = (
        results["main"]
        .train_loss.isel(size=1)
        .isel(lr=0, wd=0, init_scale=0, seed=0, width=0, prior=0)
    )
    np.testing.assert_array_equal(strip, first)

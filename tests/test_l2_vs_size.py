"""The first experiment: its published data, its fit, its figure."""

import jax
import numpy as np
import optax
import pytest
import xarray as xr
from test_training import adam_step, numpy_gradient

import memjax as mj
from experiments import _l2 as post
from experiments import l2_vs_size as experiment


@pytest.fixture(scope="module")
def results() -> dict:
    sweeps = experiment.sweeps(
        size=(5, 9),
        lr=(1e-3, 1e-2),
        seeds=(0, 2),
        width=(4,),
        steps=20,
        fit_seeds=0,
        published=False,
    )
    return {name: sweep.compute() for name, sweep in sweeps.items()}


def test_the_published_weights_have_their_norm():
    params = post.weights()
    shapes = [a.shape for layer in params for a in (layer["w"], layer["b"])]
    assert shapes == [(9, 100), (100,), (100, 100), (100,), (100, 17), (17,)]
    assert float(mj.observables.l2(params)) == pytest.approx(8.677386, abs=1e-5)


def test_the_published_stream_is_numpys():
    (x, y), (test_x, _) = post.draw(50, 80)
    rng = np.random.default_rng(9266)
    np.testing.assert_array_equal(x[:50], rng.standard_normal((50, 9)).astype("f4"))
    np.testing.assert_array_equal(y[:50], rng.choice(17, 50, p=np.full(17, 1 / 17)))
    np.testing.assert_array_equal(
        test_x[:50], rng.standard_normal((50, 9)).astype("f4")
    )
    np.testing.assert_array_equal(x[50:], x[:30])  # padding is real draws


def test_the_first_published_steps_match_numpy():
    """Ten Adam steps at size 50 against back-propagation by hand."""
    (x, y), _ = post.draw(50, 50)
    params = [
        np.asarray(a, float)
        for layer in post.weights()
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
    at = experiment.network(100), post.weights(), data, data
    legs = experiment.memorize(*at, optax.adam(1e-3), 10)
    _, seen = jax.jit(lambda: mj.walk(legs))()
    norm = np.sqrt(sum((p**2).sum() for p in params))
    assert float(seen["weight_l2"][-1]) == pytest.approx(norm, rel=1e-5)


def test_the_fit_finds_a_power_law():
    n = np.array(experiment.FITTED, float)
    fit = mj.observables.power_law(n, 6.5 * n**0.27 - 9.636)
    np.testing.assert_allclose(fit, [6.5, 0.27, -9.636, 1], rtol=1e-3)


def test_the_published_points_have_the_published_height_and_fit():
    """The definitions of height and fit, on the post's own ten points."""
    points = post.points()
    assert points["size"].values.tolist() == list(experiment.SIZES)
    assert float(experiment.height(points)) == pytest.approx(25.763, abs=2e-3)
    fit = mj.observables.power_law(experiment.FITTED, points.values[:6])
    assert np.all(abs(fit[:3] - [6.500, 0.270, -9.636]) < (0.02, 1e-3, 0.03))
    assert round(fit[3], 3) == 1.000


def test_the_fit_is_that_of_curves_in_general():
    """Least squares from a start, by another algorithm and without one's bounds."""
    gap = post.points()[:6].expand_dims(seed=[0])
    start = {"A": 1.0, "B": 0.5, "C": 0.0}
    found = mj.fit(lambda n, A, B, C: A * n**B + C, gap, "size", start).each
    fit = mj.observables.power_law(experiment.FITTED, gap.values[0])
    np.testing.assert_allclose(found.squeeze(), fit[:3], rtol=1e-5)


@pytest.fixture(scope="module")
def made_up() -> dict:
    """Made-up growth: one seed of four follows the published law, all peak at 3200."""
    size = np.array(experiment.SIZES[:9], float)
    laws = [(6.5, 0.268, -9.636), (6.5, 0.3, -9.636), (9.0, 0.26, -9.6), (5, 0.3, -7)]
    grown = np.stack([a * size**b + c for a, b, c in laws])
    grown[:, size > 3200] = 1.0
    weight = np.stack([0 * grown + 8, grown + 8], axis=-1)
    loss = np.log(17) * np.maximum(1 - 2000 / size, 0)  # 2000 examples' worth is gone
    whole = np.broadcast_to(loss[None, :, None], weight.shape)
    of = ("seed", "size", "step")
    runs = xr.Dataset(
        {
            "weight_l2": (of, weight),
            "train_loss": (of, whole),
            "test_loss": (of, whole + 2.8),
            "test_accuracy": (
                of,
                np.where(size < 12800, 0.0, 0.1)[None, :, None] + 0 * weight,
            ),
        },
        coords={"size": size.astype(int), "step": [0, 1000], "seed": range(4)},
    )
    return {"main": runs, "fitted": runs}


def test_the_seeds_that_have_the_published_fit_are_counted(made_up):
    law = experiment.law
    np.testing.assert_array_equal(law(made_up, "fitted", "recurs"), [1, 0, 0, 0])
    np.testing.assert_array_equal(law(made_up, "fitted", "below"), [1, 0, 1, 0])
    exponents = law(made_up, "fitted", "B")
    np.testing.assert_allclose(exponents, [0.268, 0.3, 0.26, 0.3], 1e-4)


def test_a_curve_tells_peak_and_capacity(made_up):
    found = {
        name: experiment.curve(made_up, "main", name).values
        for name in ("peak", "largest", "memorized", "bits", "test_accuracy")
    }
    np.testing.assert_array_equal(found["peak"], 3200)
    np.testing.assert_allclose(found["largest"][1], 6.5 * 3200**0.3 - 9.636)
    np.testing.assert_allclose(found["memorized"], 2000)
    np.testing.assert_allclose(found["bits"], 2000 * np.log2(17) / 12_817)
    weight = 12800 / sum(experiment.SIZES[:9])
    np.testing.assert_allclose(found["test_accuracy"], 0.1 * weight)
    assert not experiment.curve(made_up, "main", "test_loss_grows").any()
    assert experiment.curve(made_up, "main", "peak_over_memorized")[0] == 1.6
    with pytest.raises(mj.NotRun, match="size 50"):
        experiment.curve({"main": made_up["main"].isel(size=[1, 2])}, "main", "peak")


def test_the_published_width_has_so_many_parameters():
    leaves = jax.tree.leaves(post.weights())
    assert sum(a.size for a in leaves) == experiment.PARAMETERS


def test_the_figure_holds_the_data(results):
    axes = {a.get_label(): a for a in experiment.figure(results).get_axes()}
    curves = axes["d"].get_lines()[:2]  # without the post's points, of 1000 steps
    main = results["main"].weight_l2.isel(wd=0, init_scale=0, width=0, prior=0)
    gap = (main.isel(step=-1) - main.isel(step=0)).mean("seed")
    for line, lr in zip(curves, (1e-3, 1e-2), strict=True):
        assert line.get_label() == f"lr {lr:g}"
        np.testing.assert_allclose(line.get_xydata()[:, 0], [5, 9])
        np.testing.assert_allclose(line.get_xydata()[:, 1], gap.sel(lr=lr))
    as_long = results["main"].assign_coords(step=[0, 500, 1000])
    drawn = experiment.figure({"main": as_long}).get_axes()[3].get_lines()[0]
    np.testing.assert_allclose(drawn.get_xydata()[:, 1], post.points())
    strip = axes["a"].get_lines()[0].get_xydata()[:, 1]
    first = results["main"].isel(lr=0, wd=0, init_scale=0, seed=0, width=0, prior=0)
    np.testing.assert_array_equal(strip, first.train_loss.isel(size=1))

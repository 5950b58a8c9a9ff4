"""The laws of a sweep, over one tiny grid."""

import gc
import json
import os
import re
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import xarray as xr

import memjax as mj
from memjax.engine import sweeps
from memjax.engine.asked.jaxprs import abstract
from memjax.engine.asked.trace import moment
from memjax.engine.planned import plan as plans
from memjax.engine.planned.job import Job
from memjax.engine.run import clock, devices
from memjax.engine.run.program import program


@pytest.fixture(scope="module")
def results() -> xr.Dataset:
    return mj.sweep(tiny.run, **tiny.AXES)


def lane(**numbers) -> dict:
    """One run of the tiny grid by itself, outside any sweep."""
    walked = jax.jit(lambda n: mj.walk(tiny.run(**n, capacity=12, steps=20))[1])
    return walked(numbers)


def test_a_sweep_is_its_loop(results):
    for at in (
        {"size": 5, "lr": 1e-2, "wd": 0.1, "seed": 3},
        {"size": 12, "lr": 1e-3, "wd": 0.0, "seed": 0},
    ):
        alone = lane(**at, init_scale=1.0)
        for name in ("loss", "weight_l2"):
            there = results[name].sel(**at, init_scale=1.0)
            np.testing.assert_allclose(there, alone[name], rtol=1e-5)


def test_every_axis_is_a_labelled_dimension(results):
    assert results.loss.dims == ("size", "lr", "wd", "init_scale", "seed", "step")
    assert results.loss.shape == (2, 2, 2, 1, 2, 5)
    assert results.step.values.tolist() == [0, 5, 10, 15, 20]
    assert results.lr.values.tolist() == [1e-3, 1e-2]
    assert results.loss.dtype == np.float32
    record = json.loads(results.attrs["provenance"])
    assert record["numerics"]["random"] == "threefry2x32"


def test_sizes_by_weights_are_sets_of_exactly_that_size(results):
    """Padding changes nothing: capacity 5 holds the set of size 5 and nothing else."""
    exact = mj.sweep(tiny.run, **{**tiny.AXES, "size": [5]})
    np.testing.assert_allclose(exact.loss, results.loss.sel(size=[5]), rtol=1e-5)


def test_tiles_change_nothing(results, monkeypatch):
    monkeypatch.setattr("memjax.measure.TILE", 4)
    tiled = mj.sweep(tiny.run, **tiny.AXES)
    xr.testing.assert_allclose(tiled, results, rtol=1e-5)


@pytest.mark.parametrize("chunk", [1, 3, 16])
def test_chunks_change_nothing(results, chunk):
    xr.testing.assert_allclose(
        mj.sweep(tiny.run, **tiny.AXES, chunk=chunk), results, rtol=1e-5
    )


def test_the_same_plan_gives_the_same_bits(results):
    xr.testing.assert_equal(mj.sweep(tiny.run, **tiny.AXES), results)


@pytest.mark.long
def test_one_device_gives_the_same_results(results, tmp_path):
    """A process with one device, started beside this one with two."""
    script = (
        "import sys, tiny, memjax as mj, jax; assert jax.device_count() == 1;"
        "mj.sweep(tiny.run, **tiny.AXES).to_netcdf(sys.argv[1], engine='h5netcdf')"
    )
    file = tmp_path / "one.nc"
    subprocess.run([sys.executable, "-c", script, file], check=True, cwd="tests")
    xr.testing.assert_allclose(xr.open_dataset(file), results, rtol=1e-5)


@pytest.mark.long
def test_observing_more_often_changes_nothing(results):
    steps = {"steps": 17}  # logs at 0, 5, 10, 15 and 17
    fewer = mj.sweep(tiny.run, **{**tiny.AXES, **steps}).loss.sel(step=[0, 5, 10, 15])
    np.testing.assert_allclose(fewer, results.loss.sel(step=[0, 5, 10, 15]), rtol=1e-6)


def test_a_group_is_traced_once_a_call_and_compiled_once_for_any_numbers():
    traced = chex.assert_max_traces(tiny.run, n=2)
    axes = {**tiny.AXES, "wd": 0.0, "seed": 0}

    def run(size, lr, wd, init_scale, seed, *, capacity, steps):
        return traced(size, lr, wd, init_scale, seed, capacity=capacity, steps=steps)

    first = mj.sweep(run, **axes, capacity=13)
    made = program.cache_info().misses
    second = mj.sweep(run, **{**axes, "size": [3, 8], "lr": [1e-4, 1.0]}, capacity=13)
    assert first.loss.shape == second.loss.shape
    assert program.cache_info().misses == made
    with pytest.raises(AssertionError, match="traced > 2 times"):
        mj.sweep(run, **axes, capacity=13)


@pytest.mark.parametrize("chunk", [1, 8])
def test_a_diverged_lane_leaves_its_neighbors_alone(chunk):
    sane = mj.sweep(tiny.run, **{**tiny.AXES, "lr": [1e-3, 1e-2, 1e-1]}, chunk=chunk)
    wild = mj.sweep(tiny.run, **{**tiny.AXES, "lr": [1e-3, 1e30, 1e-1]}, chunk=chunk)
    others = {"lr": [1e-3, 1e-1]}
    xr.testing.assert_equal(wild.sel(others), sane.sel(others))
    left = wild.sel(lr=1e30)
    assert (left.diverged_at == 5).all()
    assert np.isnan(left.loss.sel(step=slice(5, None))).all()
    assert np.isfinite(left.loss.sel(step=0)).all()
    assert (sane.diverged_at == -1).all()


def test_results_survive_saving(results, tmp_path):
    results.to_netcdf(tmp_path / "r.nc", engine="h5netcdf")
    xr.testing.assert_identical(xr.open_dataset(tmp_path / "r.nc").load(), results)


def test_shapes_are_groups_and_join_on_steps():
    joined = mj.sweep(tiny.run, **{**tiny.AXES, "steps": [10, 17]})
    assert joined.loss.dims[-2:] == ("steps", "step")
    assert joined.step.values.tolist() == [0, 5, 10, 15, 17]
    short = joined.loss.sel(steps=10)
    assert np.isnan(short.sel(step=[15, 17])).all()
    assert np.isfinite(short.sel(step=[0, 5, 10])).all()


def test_zipped_axes_mix_numbers_and_shapes():
    def run(a, b, *, power):
        return {"value": a * b**power}

    pairs = mj.zipped(a=[1.0, 2.0], power=[1, 3])
    out = mj.sweep(run, pairs, b=[2.0, 3.0])
    assert out.value.dims == ("a", "b")
    assert out.power.dims == ("a",)
    same = mj.sweep(run, mj.zipped(a=[1.0, 2.0], power=[1, 1]), b=3.0)
    np.testing.assert_allclose(same.value, [3, 6])
    np.testing.assert_allclose(out.value, [[2, 3], [16, 54]])


def ridge(size, penalty, seed, *, capacity):
    x_key, y_key = jax.random.split(jax.random.key(seed))
    x, y = (
        jax.random.normal(x_key, (capacity, 3)),
        jax.random.normal(y_key, (capacity,)),
    )
    xw = x * mj.prefix(size, capacity)[:, None]
    weights = jnp.linalg.solve(xw.T @ x + penalty * jnp.eye(3), xw.T @ y)
    return {"weights": mj.named(weights, "feature", coords=["a", "b", "c"])}


def test_a_run_without_training_comes_out_labelled():
    out = mj.sweep(ridge, size=[4, 9], penalty=[0.1, 1.0], seed=0)
    x_key, y_key = jax.random.split(jax.random.key(0))
    x = np.asarray(jax.random.normal(x_key, (9, 3)))[:4]
    y = np.asarray(jax.random.normal(y_key, (9,)))[:4]
    expected = np.linalg.solve(x.T @ x / 4 + 0.1 * np.eye(3), x.T @ y / 4)
    found = out.weights.sel(size=4, penalty=0.1, feature=["a", "b", "c"])
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_an_infinity_of_a_plain_run_is_a_value():
    out = mj.sweep(lambda a: {"time": 1 / a}, a=[0.0, 2.0])
    np.testing.assert_array_equal(out.time, [np.inf, 0.5])


def test_inputs_are_shared_or_one_per_value():
    def run(row, shift, scale):
        return {"total": jnp.sum(row) * scale + shift}

    inputs = {
        "row": mj.per("scale", np.arange(6.0).reshape(2, 3)),
        "shift": np.ones(()),
    }
    out = mj.sweep(run, inputs=inputs, scale=[1.0, 10.0])
    np.testing.assert_allclose(out.total, [4, 121])


def test_quantities_of_other_lengths_join_on_their_labels():
    def run(a, *, width):
        return {"v": mj.named(a * jnp.ones(width), "unit", coords=range(width))}

    out = mj.sweep(run, a=[1.0, 2.0], width=[2, 3])
    assert out.v.shape == (2, 2, 3)
    assert np.isnan(out.v.sel(width=2, unit=2)).all()
    np.testing.assert_array_equal(out.v.sel(width=3, a=2.0), [2, 2, 2])


@pytest.mark.parametrize(
    ("result", "problem"),
    [
        (lambda a: a, "dict of named quantities"),
        (lambda a: {}, "dict of named quantities"),
        (lambda a: {"s": {"t": a}}, "s must be one array, got a dict"),
        (lambda a: {"s": [a, a]}, "s must be one array, got a list"),
        (lambda a: {"a": a}, "a: is taken"),
        (lambda a: {"status": a}, "status: is taken"),
        (lambda a: {"s": mj.named(jnp.ones(2), "a")}, "a: is taken"),
    ],
)
def test_results_that_have_no_place_are_refused_before_running(result, problem):
    with pytest.raises((TypeError, ValueError), match=problem):
        mj.sweep(lambda a: result(a), a=[1.0])


FACTOR = 2.0


def scaled(a):
    return {"b": FACTOR * a}


def test_a_changed_global_is_another_program(monkeypatch):
    before = mj.Sweep(scaled, a=[1.0])
    assert float(before.compute().b[0]) == 2
    monkeypatch.setitem(globals(), "FACTOR", 5.0)
    assert float(before.compute().b[0]) == 5


def test_what_the_users_flags_say_of_compiling_stays(monkeypatch):
    level, passes, sharing = devices.LEVEL, devices.PASSES, devices.SHARING
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    assert dict(devices._cpu_options(2)) == {level: 2, passes: sharing}
    monkeypatch.setenv("XLA_FLAGS", f"--{level}=3 --{passes}=dce")
    assert dict(devices._cpu_options(2)) == {passes: f"dce,{sharing}"}
    assert devices._cpu_options(1) == ()


def test_the_compiled_program_has_no_collectives():
    sweep = mj.Sweep(tiny.run, **tiny.AXES)
    (group,), (block,) = sweep.plan()[:2]
    numbers = sweep.job().numbers(block.lanes)
    arguments = abstract((numbers, {}, None, np.int32(0)))
    job = sweep.job()
    made = program(group.lane, block.layout, arguments, job.machine)
    text = made.compiled(job).as_text()
    assert "dot" in text
    gathers = "all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter"
    assert not re.search(gathers, text)


def test_jobs_at_one_moment_share_traces_of_functions():
    traced = []

    @jax.jit
    def halved(a):
        traced.append(a)
        return a / 2

    def traces(*jobs):
        traced.clear()
        told = [sweep.identity(job)["traces"] for job in jobs]
        assert told[0] == told[1]
        return len(traced)

    sweep = mj.Sweep(lambda a: {"b": halved(a) + 1}, a=[1.0, 2.0])
    now = moment()
    assert traces(sweep.job(at=now), sweep.job(at=now)) == 1
    assert traces(sweep.job(), sweep.job()) == 2


def test_a_long_run_that_takes_no_time_is_one_call(monkeypatch):
    sweep = mj.Sweep(lambda a: {"b": jnp.tanh(a * jnp.ones(9)).sum()}, a=[1.0, 2.0])
    whole = sweep.compute()
    monkeypatch.setattr(plans, "CALL_SECONDS", 1e-12)
    xr.testing.assert_equal(sweep.compute(), whole)


def test_inputs_that_are_no_dict_are_refused():
    with pytest.raises(mj.BadValue, match="inputs: takes a dict"):
        mj.Sweep(lambda a: {"b": a}, a=[1.0], inputs="circulant")


def test_a_state_may_start_as_a_python_number():
    def run(x):
        halve = lambda state, t: state // 2 + x  # noqa: E731
        return mj.iterate(0, halve, lambda state: {"s": state}, 3)

    found = mj.sweep(run, x=[0.5, 4.0])
    np.testing.assert_allclose(found.s, [[0, 0.5, 0.5, 0.5], [0, 4, 6, 7]])


def test_other_numeric_settings_are_another_program():
    def run(a):
        return {"b": a * 2.25}

    def made():
        mj.sweep(run, a=[1.0])
        return program.cache_info().misses

    first = made()
    with jax.default_matmul_precision("float32"):
        assert made() == first + 1
    with jax.threefry_partitionable(not jax.config.jax_threefry_partitionable):
        assert made() == first + 2
    assert made() == first + 2


def test_products_are_full_precision_unless_the_user_chooses():
    def run(a):
        return {"b": (a * jnp.ones((3, 3))) @ jnp.ones(3)}

    def product():
        (group,) = mj.Sweep(run, a=[1.0]).plan().groups
        return next(line for line in group.lane.text if " = dot_general" in line)

    assert "Precision.HIGHEST" in product()
    with jax.default_matmul_precision("bfloat16"):
        assert "Precision.DEFAULT" in product()
    assert "Precision.HIGHEST" in product()


def test_a_run_of_shapes_alone_and_a_single_run():
    def run(*, width):
        return {"sum": jnp.arange(float(width)).sum()}

    np.testing.assert_array_equal(mj.sweep(run, width=[2, 3])["sum"], [1, 3])
    single = mj.sweep(run, width=4)
    assert float(single["sum"]) == 6
    assert single["sum"].dims == ()


THREADS = """
import ctypes
import memjax as mj
from scipy.linalg import cython_lapack

mj.use_all_cores()
print(ctypes.CDLL(cython_lapack.__file__).scipy_openblas_get_num_threads())
"""


@pytest.mark.long
def test_lapack_keeps_to_one_thread_unless_told_otherwise():
    script, bare = [sys.executable, "-c", THREADS], dict(os.environ)
    bare.pop("OPENBLAS_NUM_THREADS", None)
    assert int(subprocess.check_output(script, env=bare)) == 1
    told = subprocess.check_output(script, env={**bare, "OPENBLAS_NUM_THREADS": "2"})
    assert int(told) == min(2, os.cpu_count() or 1)


SOLVES = """
import jax, jax.numpy as jnp
import memjax as mj

mj.use_all_cores()

def run(a, seed, *, n):
    x = jax.random.normal(jax.random.key(seed), (n, n))
    k = x @ x.T + a * n * jnp.eye(n)
    return {"s": jnp.linalg.solve(k, k[0])[0], "e": jnp.linalg.eigvalsh(k)[0]}

print(float(mj.sweep(run, a=[1.0, 2.0], seed=range(8), n=100).s.mean()))
"""


@pytest.mark.long
def test_solves_on_all_devices_do_not_wait_for_each_other():
    """They did, forever, where they were batched: run where they can be cut off."""
    ran = subprocess.run(
        [sys.executable, "-c", SOLVES], check=True, capture_output=True, timeout=100
    )
    assert float(ran.stdout) == pytest.approx(1, rel=1e-3)


def walking(**shown):
    """A run of two steps that observes these functions of its state, or ends so."""
    final = shown.pop("finish", lambda state: {})

    def run(a):
        observe = lambda state: {n: f(state) for n, f in shown.items()}  # noqa: E731
        start = jnp.arange(3.0) * a
        return mj.iterate(start, lambda state, t: state + 1, observe, 2, finish=final)

    return run


@pytest.mark.parametrize(
    ("run", "word"),
    [
        (walking(s=lambda x: mj.named(x, "step")), "step: is taken"),
        (walking(s=lambda x: mj.named(x, "s")), "s: is a quantity and a dimension"),
        (walking(s=jnp.sum, finish=lambda x: {"s": x[0]}), "s: is taken"),
        (walking(s=lambda x: mj.named(x, "e"), e=jnp.sum), "e: is a quantity and"),
        (
            walking(s=lambda x: mj.named(x, "e"), q=lambda x: mj.named(x[:2], "e")),
            "e: has other labels in s",  # traced in the order of names
        ),
        (
            walking(
                s=lambda x: mj.named(x, "e", coords=[1, 2, 3]),
                finish=lambda x: {"q": mj.named(x, "e", coords=[4, 5, 6])},
            ),
            "e: has other labels in q",
        ),
        (
            walking(
                s=jnp.sum,
                finish=lambda x: {"q": mj.named(x, "step", coords=[0, 1, 5])},
            ),
            "step: has other labels in q",
        ),
        (lambda a: {"train/loss": a}, "train/loss: files take no /"),
    ],
)
def test_quantities_that_could_not_be_labelled_are_refused_untried(run, word):
    with pytest.raises(mj.BadValue, match=word):
        mj.Sweep(run, a=[1.0, 2.0]).plan()


def test_an_axis_of_time_is_refused():
    def run(step):
        return mj.iterate(step, lambda state, t: state, lambda state: {"s": state}, 2)

    with pytest.raises(mj.BadValue, match="step: is the time"):
        mj.sweep(run, step=[1.0, 2.0])


@pytest.mark.parametrize(
    "run",
    [
        lambda n: {"s": jnp.zeros(n).sum()},
        lambda n: {"s": jnp.float32(sum(range(n)))},
        lambda n: {"s": 1.0 if n > 1 else 0.0},
        lambda n: {"s": np.sin(n)},
    ],
)
def test_a_number_used_as_a_shape_is_told_where_shapes_stand(run):
    line = r"\(line \d+: lambda n: \{.s.: .*\},?\)"
    with pytest.raises(TypeError, match=f"n are numbers, traced {line}") as caught:
        mj.sweep(run, n=[2, 3])
    assert "after the *" in str(caught.value) and "\n" not in str(caught.value)


def test_a_quantity_is_named_by_a_text():
    with pytest.raises(TypeError, match="named by a text, not by 1"):
        mj.sweep(lambda a: {1: a}, a=[1.0])


def test_a_step_that_changes_the_kind_of_state_is_refused():
    def run(a):
        grow = lambda state, t: jnp.concatenate([state, state])  # noqa: E731
        return mj.iterate(jnp.zeros(3), grow, lambda state: {"s": state.sum() * a}, 2)

    with pytest.raises(TypeError, match=r"state: float32\[6\] for float32\[3\]"):
        mj.sweep(run, a=[1.0])


def test_random_keys_are_inputs_and_state_but_no_quantity(tmp_path):
    def run(a, key):
        return {"u": a * jax.random.uniform(key)}

    given = {"key": jax.random.key(3)}
    found = mj.sweep(run, a=[1.0, 2.0], inputs=given, store=tmp_path)
    wanted = float(jax.random.uniform(jax.random.key(3)))
    np.testing.assert_allclose(found.u, [wanted, 2 * wanted], rtol=1e-6)
    with pytest.raises(TypeError, match="k is a random key"):
        mj.sweep(lambda seed: {"k": jax.random.key(seed)}, seed=[1])


def test_what_jax_would_cut_off_is_refused():
    with pytest.raises(mj.BadValue, match="a: does not fit 32 bits"):
        mj.sweep(lambda a: {"s": a}, a=[2**40])
    run = lambda a, x: {"s": a * x[0]}  # noqa: E731
    with pytest.raises(mj.BadValue, match="x: does not fit 32 bits"):
        mj.sweep(run, a=[1.0], inputs={"x": np.array([2**40])})
    with pytest.raises(mj.BadValue, match="a: needs numbers that fit 64 bits"):
        mj.sweep(lambda a: {"s": a}, a=[2**70])
    for odd, told in (
        (np.array(["a"]), "x: needs numbers"),
        (np.ma.masked_equal([1.0, 2.0], 2.0), "x: is masked"),
    ):
        with pytest.raises(mj.BadValue, match=told):
            mj.sweep(run, a=[1.0], inputs={"x": odd})
    whole = np.array([2**32 - 1], np.uint32)
    assert mj.sweep(run, a=[1.0], inputs={"x": whole}).s == 2**32 - 1
    with jax.enable_x64(True):
        assert int(mj.sweep(lambda a: {"s": a}, a=[2**40]).s[0]) == 2**40


def test_one_sweep_in_float64_beside_others_in_float32(tmp_path):
    run = lambda a, *, n: {"s": jnp.sqrt(2.0 + a) * jnp.ones(n)}  # noqa: E731
    fine = mj.Sweep(run, a=[0.1, 2**40], n=1, float64=True)
    coarse = mj.Sweep(run, a=[0.1, 2.0], n=1)
    exact = np.sqrt(2.0 + np.array([0.1, 2**40]))
    for _ in range(2):  # traces and programs that are kept are not mixed up
        np.testing.assert_allclose(fine.compute().s[:, 0], exact, rtol=1e-15)
        assert coarse.compute().s.dtype == np.float32
    assert fine.compute(store=tmp_path).equals(fine.read(tmp_path))
    assert "float64" in repr(fine)
    with pytest.raises(mj.Refused, match="float64"):
        coarse.compute(store=tmp_path)


def test_misplaced_axes_are_told_where_they_go():
    run = lambda a, x: {"s": a * x["p"]}  # noqa: E731
    with pytest.raises(mj.BadValue, match=r"per\(\) goes around the whole input"):
        mj.sweep(run, a=[1.0], inputs={"x": {"p": mj.per("a", np.ones(1))}})
    with pytest.raises(mj.BadValue, match="axes: are given by name"):
        mj.sweep(run, [1.0, 2.0])
    with pytest.raises(mj.BadValue, match="b: zipped axes are sequences"):
        mj.zipped(a=[1.0], b=2.0)
    ragged = mj.sweep(lambda a, *, n: {"s": a * len(n)}, a=[1.0], n=[(1, 2), (3,)])
    np.testing.assert_array_equal(ragged.s, [[2.0, 1.0]])


def test_inputs_have_jaxs_types_and_compile_nothing_on_their_way():
    given = {"a": np.ones(2), "b": 1, "c": np.array(True), "d": jax.random.key(0)}
    given["e"] = np.ones(2, jnp.bfloat16)
    grid = mj.Sweep(tiny.run, **tiny.AXES).grid
    job = Job(tiny.run, grid, given, mj.machines.cpu(1))
    arrays = dict(job.arrays)
    assert arrays.pop("d") is given["d"]
    arrays |= job.numbers(np.arange(2))
    for name, array in arrays.items():
        assert isinstance(array, np.ndarray), name
        assert array.dtype == jnp.asarray(given.get(name, array)).dtype, name


@pytest.mark.parametrize("on", [True, False])
def test_garbage_waits_for_traces_and_programs_and_no_longer(on, monkeypatch):
    collects = {"trace": [], "program": []}

    def run(lr):
        collects["trace"].append(gc.isenabled())
        return {"twice": (2 + on) * lr}  # a program of its own for each

    def broken(lr):
        raise ZeroDivisionError

    seen = collects["program"]
    compile = jax.stages.Lowered.compile

    def watched(*given):
        seen.append(gc.isenabled())
        return compile(*given)

    monkeypatch.setattr(jax.stages.Lowered, "compile", watched)
    (gc.enable if on else gc.disable)()
    try:
        mj.sweep(run, lr=[1.0])
        with pytest.raises(ZeroDivisionError):
            mj.sweep(broken, lr=[1.0])
        assert gc.isenabled() == on
    finally:
        gc.enable()
    for when, collecting in collects.items():
        assert collecting and not any(collecting), when


def test_products_on_all_devices_are_right():
    """A tall product behind loops over many numbers, 150 times in a row on a device.

    Of whole numbers, so it is exact: where devices shared those loops, it was wrong
    from the seventieth lane on.
    """
    rng = np.random.default_rng(0)
    x = rng.integers(-2, 3, (400, 2000)).astype(np.float32)
    y = rng.integers(-2, 3, (400, 32)).astype(np.float32)
    data = {"x": x, "y": y, "product": x.T @ y, "sums": x.sum(0)}

    def run(seed, data):
        noise = jax.random.normal(jax.random.key(seed), (100_000,))
        shift = 1.0 + seed % 7
        product = (data["x"] + 0 * noise[0]).T @ (data["y"] + shift)
        wrong = product != data["product"] + shift * data["sums"][:, None]
        return {"wrong": jnp.sum(wrong)}

    found = mj.sweep(run, seed=range(300), inputs={"data": data}, chunk=1)
    assert int(found["wrong"].sum()) == 0


@pytest.mark.long
def test_a_bar_says_which_program_is_compiled(monkeypatch):
    said = []

    class Heard(clock.Bar):
        def reach(self, program):
            super().reach(program)
            said.append(self.progress.tasks[0].description)

    monkeypatch.setattr(sweeps, "watcher", lambda wanted: Heard())
    mj.sweep(tiny.run, **{**tiny.AXES, "size": [5], "capacity": [8, 9]})
    assert said == ["compiling 1 of 2", "compiling 2 of 2"]

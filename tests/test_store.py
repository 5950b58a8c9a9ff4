"""A sweep that survives: kills, damage, growth, shares, full disks."""

import errno
import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

import memjax as mj
from memjax.engine.kept import blocks, resume, spans
from memjax.engine.kept import store as stores
from memjax.engine.planned import plan as plans
from memjax.engine.run import calls

EVEN = st.builds(
    lambda first, step, count: list(range(first, first + step * count, step)),
    *(st.integers(-9, 9), st.integers(1, 4), st.integers(0, 9)),
)
AXES = {**tiny.AXES, "seed": range(6)}  # 48 runs
ROOT = Path(__file__).parents[1]

# A sweep in a process of its own, cut so that a run crosses blocks and segments: the
# prices are made up, and the calls are slowed down to be killed in their midst.
SCRIPT = """
import sys, time
import tiny
import memjax as mj
from memjax.engine.run import calls
from memjax.engine.planned import plan
mj.use_all_cores()
plan.CALL_SECONDS = float(sys.argv[2])
call = calls._call
def slowly(*a):
    time.sleep(float(sys.argv[3]))
    return call(*a)
calls._call = slowly
axes = {**tiny.AXES, "seed": range(6)}
mj.sweep(tiny.run, **axes, store=sys.argv[1], chunk=8)
"""


@pytest.fixture
def short_calls(monkeypatch):
    """Calls of 1/20 of the predicted time of a block: many segments."""
    sweep = mj.Sweep(tiny.run, **AXES)
    longest = sweep.plan().blocks[0].seconds
    monkeypatch.setattr(plans, "CALL_SECONDS", longest / 20)
    return longest / 20


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return mj.sweep(tiny.run, **AXES)


def same(a: xr.Dataset, b: xr.Dataset) -> None:
    xr.testing.assert_identical(a.drop_attrs(), b.drop_attrs())


@pytest.mark.long
def test_a_run_is_traced_once_for_price_blocks_and_segments(short_calls, tmp_path):
    traced = chex.assert_max_traces(tiny.run, n=2)  # for the plan, and the sweep

    def run(size, lr, wd, init_scale, seed, *, capacity, steps):
        return traced(size, lr, wd, init_scale, seed, capacity=capacity, steps=steps)

    plan = mj.Sweep(run, **AXES).plan()
    assert len(plan.blocks) > 1
    assert plan.blocks[0].legs is not None
    mj.sweep(run, **AXES, store=tmp_path)


def test_segments_and_blocks_change_nothing(whole, short_calls, tmp_path):
    plan = mj.Sweep(tiny.run, **AXES).plan()
    assert len(plan.blocks) == 6
    assert plan.blocks[0].legs is not None
    kept = mj.sweep(tiny.run, **AXES, store=tmp_path)
    xr.testing.assert_allclose(kept, whole, rtol=1e-5)
    saved = xr.open_dataset(tmp_path / "results.nc").load()
    same(saved, kept)


def test_a_finished_sweep_is_loaded(tmp_path, monkeypatch):
    first = mj.sweep(tiny.run, **AXES, store=tmp_path)

    def refuse(*_: object) -> None:
        raise AssertionError("nothing is left to run")

    monkeypatch.setattr(resume, "run_block", refuse)
    same(mj.sweep(tiny.run, **AXES, store=tmp_path), first)
    fewer = {**AXES, "seed": [4, 1], "size": [12]}
    part = mj.sweep(tiny.run, **fewer, store=tmp_path)
    same(part, first.sel(seed=[4, 1], size=[12]))


def test_a_grown_axis_computes_only_what_is_new(whole, tmp_path, monkeypatch):
    mj.sweep(tiny.run, **{**AXES, "seed": range(4)}, store=tmp_path)
    ran = []
    run_block = resume.run_block

    def counting(job, block, *rest):
        ran.extend(block.lanes[block.real].tolist())
        return run_block(job, block, *rest)

    monkeypatch.setattr(resume, "run_block", counting)
    grown = mj.sweep(tiny.run, **AXES, store=tmp_path)
    assert len(ran) == 16  # two seeds of eight settings
    xr.testing.assert_allclose(grown, whole, rtol=1e-5)


def start(store: Path, call_seconds: float, sleep: float) -> subprocess.Popen:
    arguments = [str(store), str(call_seconds), str(sleep)]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments],
        env=environment,
        stderr=subprocess.PIPE,
    )


def kill_and_resume(store: Path, call_seconds: float, moment: float) -> list[str]:
    """Kill a sweep some seconds after its first file, and finish it; what was left."""
    process = start(store, call_seconds, 0.05)
    while not list(store.glob("*.npz")):
        assert process.poll() is None, process.stderr.read().decode()
        time.sleep(0.01)
    time.sleep(moment)
    process.send_signal(signal.SIGKILL)
    process.wait()
    left = [p.name for p in store.glob("*.npz")]
    finished = start(store, call_seconds, 0.0)
    assert finished.wait() == 0, finished.stderr.read().decode()
    return left


def killed_at_random(short_calls, tmp_path, times: int, seed: int) -> None:
    whole = start(tmp_path / "whole", short_calls, 0.0)
    assert whole.wait() == 0, whole.stderr.read().decode()
    expected = xr.open_dataset(tmp_path / "whole" / "results.nc").load()
    draw = random.Random(seed)
    states = 0
    for k in range(times):
        store = tmp_path / str(k)
        left = kill_and_resume(store, short_calls, draw.uniform(0, 0.9))
        states += any(name.startswith("state") for name in left)
        found = xr.open_dataset(store / "results.nc").load()
        same(found, expected)
    assert states  # some kills fell inside a block


@pytest.mark.long
def test_killed_sweeps_resume_bit_for_bit(short_calls, tmp_path):
    killed_at_random(short_calls, tmp_path, 3, seed=1)


@pytest.mark.long
def test_twenty_killed_sweeps_resume_bit_for_bit(short_calls, tmp_path):
    killed_at_random(short_calls, tmp_path, 20, seed=2)


def test_what_is_finished_can_be_read_while_a_sweep_runs(
    whole, short_calls, tmp_path, monkeypatch
):
    """Stop after a block and some segments, as a kill would."""
    sweep = mj.Sweep(tiny.run, **AXES)
    keep = blocks.Blocks.keep
    seen = []

    def stop(self, name, keys, made, segments):
        keep(self, name, keys, made, segments)
        seen.append(name)
        if len(set(seen)) == 2 and segments.done >= 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(blocks.Blocks, "keep", stop)
    with pytest.raises(KeyboardInterrupt):
        sweep.compute(store=tmp_path)
    finished = sweep.read(tmp_path)
    counts = dict(zip(*np.unique(finished.status, return_counts=True), strict=True))
    assert counts == {"ok": 8, "not run": 40}
    done = (finished.status == "ok").values
    np.testing.assert_allclose(
        finished.loss.values[done], whole.loss.values[done], rtol=1e-5
    )
    assert np.isnan(finished.loss.values[~done]).all()
    begun = sweep.read(tmp_path, underway=True)
    running = (begun.status == "running").values
    assert running.sum() == 8
    early = begun.loss.isel(step=0).values
    np.testing.assert_allclose(
        early[running], whole.loss.isel(step=0).values[running], rtol=1e-5
    )
    assert np.isnan(begun.loss.isel(step=-1).values[running]).all()


def test_a_damaged_file_is_computed_again(tmp_path, capsys):
    first = mj.sweep(tiny.run, **AXES, store=tmp_path)
    block = sorted(tmp_path.glob("block-*.npz"))[0]
    content = bytearray(block.read_bytes())
    content[len(content) // 2] ^= 0xFF
    block.write_bytes(content)
    again = mj.sweep(tiny.run, **AXES, store=tmp_path)
    same(again, first)
    assert "is damaged" in capsys.readouterr().err
    assert block.with_suffix(".damaged").exists()
    block.write_bytes(content[:100])
    same(mj.sweep(tiny.run, **AXES, store=tmp_path), first)


def test_another_question_is_refused_with_the_difference(tmp_path):
    mj.sweep(tiny.run, **AXES, store=tmp_path)
    with pytest.raises(mj.Refused, match=r"steps: 20 is now 30"):
        mj.sweep(tiny.run, **{**AXES, "steps": 30}, store=tmp_path)


@pytest.mark.long
def test_a_plan_of_a_million_runs_is_kept_in_kilobytes(tmp_path):
    def fading(a, seed):
        start = jnp.full(30_000, a + seed)
        return mj.iterate(start, lambda x, t: x / 2, lambda x: {"mean": x.mean()}, 9)

    sweep = mj.Sweep(fading, a=np.linspace(0, 1, 25), seed=range(40_000))
    store = stores.Store(tmp_path, stores.Shard(0, 1))
    job = sweep.job(mj.machines.h100._replace(devices=3))
    plan = sweep.plan(job=job)
    store.add_plan(job, plan)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 100_000
    assert store.lanes() == len(sweep) == 1_000_000
    back = store.planned()
    assert len(back) == len(plan.blocks) > 1
    for kept, block in zip(back, plan.blocks, strict=True):
        assert kept.keys == job.keys(block.lanes)
        np.testing.assert_array_equal(kept.real, block.real)
    assert not all(block.real.all() for block in back)  # there are copies


@given(parts=st.lists(EVEN | st.lists(st.integers(-50, 50))))
def test_spans_are_the_numbers_that_they_were_made_of(parts):
    numbers = [number for part in parts for number in part]
    kept = json.loads(json.dumps(spans.spans(numbers)))
    assert spans.numbers(kept).tolist() == numbers


def test_spans_are_few_where_steps_are_even():
    assert spans.spans([0, 2, 4, 1, 3, 7]) == [[0, 2, 3], [1, 2, 2], [7, 0, 1]]
    assert spans.spans([]) == [] and spans.spans([5]) == [[5, 0, 1]]


def test_a_plan_that_lists_every_name_is_resumed(tmp_path):
    """As plans were kept before: the same blocks run, to the same bits."""
    sweep, one = mj.Sweep(tiny.run, **AXES), tmp_path / "one"
    whole = sweep.compute(store=one, chunk=4)
    (file,) = one.glob("plan-*.json")
    plan, job = json.loads(file.read_text()), sweep.job()
    planned = stores.Store(one, stores.Shard(0, 1)).planned()
    for block, told in zip(plan["blocks"], planned, strict=True):
        del block["lanes"], block["copies"]
        block |= {"keys": told.keys, "real": told.real.tolist()}
    file.write_text(json.dumps(plan))
    for gone in one.glob("block-*.npz"):
        gone.unlink()
    same(sweep.compute(store=one), whole)
    assert len(list(one.glob("plan-*.json"))) == 1
    assert {key for block in planned for key in block.keys} == set(job.index)


def test_a_single_run_is_kept(tmp_path):
    sweep = mj.Sweep(sum_of, a=1.0, seed=2)
    assert sweep.compute(store=tmp_path).sum_of == 3
    assert sweep.read(tmp_path).sum_of == 3


def sum_of(a, seed):
    return {"sum_of": a + seed}


def test_an_older_format_is_refused(tmp_path):
    mj.sweep(tiny.run, **AXES, store=tmp_path)
    file = tmp_path / "question.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "format": 0}))
    with pytest.raises(mj.Refused, match=r"older memjax \(format 0\)"):
        mj.sweep(tiny.run, **AXES, store=tmp_path)


def test_a_second_process_is_refused(tmp_path):
    sweep = mj.Sweep(tiny.run, **AXES)
    store = stores.Store(tmp_path, stores.Shard(0, 1))
    with (
        store.opened(sweep.job().question()),
        pytest.raises(mj.Refused, match="at work"),
    ):
        sweep.compute(store=tmp_path)


@pytest.mark.parametrize("problem", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_used_with_a_word(
    whole, problem, tmp_path, monkeypatch
):
    def no_locks(*_):
        raise OSError(problem, os.strerror(problem))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    with pytest.warns(UserWarning, match="without locks"):
        same(mj.sweep(tiny.run, **AXES, store=tmp_path), whole)


def test_another_failure_of_a_lock_is_an_error(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(fcntl, "flock", broken)
    with pytest.raises(OSError, match="Input/output error"):
        mj.sweep(tiny.run, **AXES, store=tmp_path)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path, monkeypatch):
    first = mj.sweep(tiny.run, **AXES)
    replace = os.replace
    written = []

    def full(draft, place):
        if Path(place).name.startswith("block") and written:
            raise OSError(28, "No space left on device")
        written.append(place)
        replace(draft, place)

    monkeypatch.setattr(os, "replace", full)
    monkeypatch.setattr(plans, "STATE_BYTES", 1)  # many blocks
    with pytest.raises(OSError, match="No space left on device; what is finished"):
        mj.sweep(tiny.run, **AXES, store=tmp_path)
    assert not list(tmp_path.glob(".draft*"))
    monkeypatch.setattr(os, "replace", replace)
    xr.testing.assert_allclose(
        mj.sweep(tiny.run, **AXES, store=tmp_path), first, rtol=1e-5
    )


def test_a_store_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="cannot write to"):
        mj.sweep(tiny.run, **AXES, store=tmp_path / "file" / "deep")


def test_shares_merge_to_the_whole(whole, tmp_path):
    sweep = mj.Sweep(tiny.run, **AXES)
    half = sweep.compute(store=tmp_path, shard=(0, 2))
    assert int((half.status == "ok").sum()) == 24
    both = sweep.compute(store=tmp_path, shard=(1, 2))
    xr.testing.assert_allclose(both, whole, rtol=1e-5)
    same(sweep.compute(store=tmp_path), both)


def test_reductions_skip_and_count_what_diverged():
    wild = mj.sweep(tiny.run, **{**AXES, "lr": [1e-3, 1e30]})
    end = mj.spread(wild.loss.isel(step=-1))
    assert (end.used.sel(lr=1e-3) == 6).all()
    assert (end.used.sel(lr=1e30) == 0).all()
    assert np.isfinite(end.mean.sel(lr=1e-3)).all()
    assert (wild.status.sel(lr=1e30) == "diverged").all()


@pytest.mark.long
def test_snapshots_load_back_into_the_model(whole, tmp_path):
    sweep = mj.Sweep(tiny.run, **AXES)
    some = sweep.snapshots([5, 20], seed=[4], lr=1e-2, size=12)
    some.save(tmp_path / "snapshots.nc")
    like = tiny.model.init(jax.random.key(0))
    loaded = mj.Snapshots.load(tmp_path / "snapshots.nc", like)
    for snapshots in (some, loaded):
        params = snapshots.at(wd=0.1, step=20)
        assert tiny.model.apply(params, np.ones(tiny.DIM)).shape == (tiny.CLASSES,)
        norm = whole.weight_l2.sel(size=12, lr=1e-2, wd=0.1, seed=4, step=20)
        np.testing.assert_allclose(mj.observables.l2(params), norm.squeeze(), rtol=1e-5)
    file = tmp_path / "params.safetensors"
    some.safetensors(file, wd=0.1, step=20)
    read = load_file(file)
    assert read.keys() == {f"params.{i}.{n}" for i in (0, 1) for n in "wb"}
    tree = some.at(wd=0.1, step=20)
    for name, array in read.items():
        _, layer, part = name.split(".")
        np.testing.assert_array_equal(array, tree[int(layer)][part])
    with pytest.raises(mj.BadValue, match="wd: say which one"):
        some.at(step=20)
    with pytest.raises(mj.BadValue, match="step: 7 is not among"):
        some.at(step=7)
    with pytest.raises(mj.BadValue, match="rate: is no axis here, only"):
        some.at(rate=1)
    with pytest.raises(mj.BadValue, match="steps: must be 0 to 20"):
        sweep.snapshots([1000], seed=0)
    with pytest.raises(mj.BadValue, match="seed: 9 is not among"):
        sweep.snapshots([5], seed=9)


def test_snapshots_follow_inputs_along_an_axis():
    def run(size, start):
        return mj.iterate(start, lambda s, t: s + 1, lambda s: {"s": s}, (0, 2))

    inputs = {"start": mj.per("size", np.array([10.0, 20.0]))}
    snapshots = mj.Sweep(run, inputs=inputs, size=[1, 2]).snapshots([2], size=2)
    assert float(snapshots.at()) == 22


@pytest.mark.long
def test_a_chunk_too_large_for_memory_is_halved(whole, monkeypatch):
    call, tried = calls._call, []

    def small_memory(machine, block, *rest):
        tried.append(block.chunk)
        if block.chunk > 2:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return call(machine, block, *rest)

    monkeypatch.setattr(calls, "_call", small_memory)
    found = mj.sweep(tiny.run, **AXES, chunk=8)
    xr.testing.assert_allclose(found, whole, rtol=1e-5)
    assert tried == [8, 4, 2]

    def no_memory(*_: object) -> None:
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")

    monkeypatch.setattr(calls, "_call", no_memory)
    with pytest.raises(mj.BadValue, match="chunk: one run at a time does not fit"):
        mj.sweep(tiny.run, **AXES)


def test_reading_another_question_is_refused(tmp_path):
    mj.sweep(lambda a: {"s": 2 * a}, a=[1.0, 2.0], store=tmp_path)
    with pytest.raises(mj.Refused, match="answers another question"):
        mj.Sweep(lambda a: {"s": 9 * a}, a=[1.0, 2.0]).read(tmp_path)
    with pytest.raises(mj.Refused, match="holds no sweep"):
        mj.Sweep(tiny.run, **AXES).read(tmp_path / "elsewhere")


def test_an_axis_of_whole_numbers_does_not_grow_by_fractions(tmp_path):
    def run(a):
        return {"whole": jnp.issubdtype(a.dtype, jnp.integer) + 0 * a}

    mj.sweep(run, a=[1, 2], store=tmp_path)
    with pytest.raises(mj.Refused, match=r"axes\.a: whole numbers is now real numbers"):
        mj.sweep(run, a=[1, 2, 2.5], store=tmp_path)
    assert mj.sweep(run, a=[1, 2, 3], store=tmp_path).whole.values.tolist() == [1] * 3


def test_snapshots_hold_the_data_of_random_keys():
    def run(seed):
        start = (jnp.float32(0), jax.random.key(seed))
        return mj.iterate(start, lambda s, t: s, lambda s: {"s": s[0]}, mj.every(2, 4))

    _, key = mj.Sweep(run, seed=range(2)).snapshots([4], seed=1).at(step=4)
    np.testing.assert_array_equal(key, jax.random.key_data(jax.random.key(1)))

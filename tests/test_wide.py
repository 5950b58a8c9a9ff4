"""Lanes laid out as on an accelerator, run here: all at once, rows in waves."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
import xarray as xr

import memjax as mj
from benchmarks import graph, graph_grid, mlp, ragged_sweep, small_runs
from memjax.engine.asked.jaxprs import abstract, equations
from memjax.engine.asked.settings import precisely
from memjax.engine.planned import plan as plans
from memjax.engine.planned.group import Layout
from memjax.engine.run import calls
from memjax.engine.run.clock import WRITING, Pace
from memjax.engine.run.devices import here
from memjax.engine.run.program import lower
from memjax.lanes import wide
from memjax.legs import Legs, walk

AXES = {**tiny.AXES, "size": [5, 30, 1, 12], "seed": [0, 3, 4]}  # 48 runs


LONG = pytest.mark.long


def like_a_gpu(**changes) -> mj.machines.Machine:
    """The devices here, as if each had memory of its own."""
    given = {"kind": "made up", "platform": "gpu", "lanes": None, "wave": 7}
    return here()._replace(**{**given, "memory": 2**30, **changes})


def on(machine, axes=AXES, **options) -> xr.Dataset:
    sweep = mj.Sweep(tiny.run, **axes)
    return sweep.compute(job=sweep.job().on(machine), **options)


def close(found: xr.Dataset, expected: xr.Dataset) -> None:
    xr.testing.assert_allclose(found, expected, rtol=2e-5)


@pytest.fixture(autouse=True)
def tiles_of_four(monkeypatch):
    monkeypatch.setattr("memjax.measure.TILE", 4)


@pytest.fixture(scope="module")
def whole() -> xr.Dataset:
    return mj.sweep(tiny.run, **AXES)


def layouts(found: xr.Dataset) -> list[dict]:
    return json.loads(found.attrs["provenance"])["layouts"]


# --- waves ----------------------------------------------------------------------------

SIZES = jnp.array([30, 1, 7, 12, 29, 4, 5, 16])


def integrals(size, seed):
    """A value, its slope, a product with its Hessian, and a tree of moments."""
    x = jax.random.normal(jax.random.key(seed), (30, 3))
    data = mj.Data(x, jnp.arange(30), mj.prefix(size, 30))
    key = jax.random.key(seed)  # closed over, as a loss with dropout does

    def loss(p):
        def one(x, y):
            seen = jax.random.uniform(jax.random.fold_in(key, y))
            return seen * jnp.sum(jnp.tanh(x @ p) ** 2)

        return mj.expect(one, data)

    p = jnp.full((3, 2), 0.3)
    value, slope = jax.value_and_grad(loss)(p)
    moved = jax.jvp(jax.grad(loss), (p,), (p,))[1]
    moments = mj.expect(lambda x, y: {"mean": x, "square": jnp.outer(x, x)}, data)
    return value, slope, moved, moments


@pytest.mark.parametrize("side", [3, *(pytest.param(n, marks=LONG) for n in (1, 128))])
def test_waves_of_tiles_sum_what_each_lane_walks_alone(side):
    seeds = jnp.arange(len(SIZES))
    alone = jax.vmap(integrals)(SIZES, seeds)
    with wide(side):
        found = jax.jit(jax.vmap(integrals))(SIZES, seeds)
        one = jax.jit(integrals)(SIZES[3], seeds[3])
    for a, b, c in zip(*map(jax.tree.leaves, (alone, found, one)), strict=True):
        np.testing.assert_allclose(b, a, rtol=2e-5, atol=1e-6)
        np.testing.assert_allclose(b[3], c, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("side", [3, 128])
def test_a_wave_keeps_lanes_apart(side):
    """Sums of whole numbers, exact, beside lanes that are infinite or no number."""
    x = np.arange(30.0, dtype=np.float32)
    rows = np.tile(x, (len(SIZES), 1))
    rows[1], rows[4, 20], rows[6, 0] = np.nan, np.inf, -np.inf

    def total(x, size):
        w = (jnp.arange(30) < size).astype(jnp.float32)
        return mj.expect(lambda x, y: x, mj.Data(x, x, w))

    with wide(side):
        found = jax.jit(jax.vmap(total))(rows, SIZES)
    expected = np.array([r[:n].sum() for r, n in zip(rows, SIZES, strict=True)])
    np.testing.assert_array_equal(found, expected)


def test_rows_that_lanes_share_are_held_once():
    """Weights are each lane's own, points are not: no array of theirs is [lanes, …]."""
    x = jnp.ones((30, 50))

    def norm(p):
        data = mj.Data(x, x, mj.prefix(30, 30))
        return mj.expect(lambda x, y: jnp.sum((x @ p) ** 2), data)

    with wide(3):
        batched = jax.make_jaxpr(jax.vmap(norm))(jnp.ones((1000, 50)))
    assert "1000,30,50" not in str(batched) and "1000,8,4,50" not in str(batched)


# --- steps ----------------------------------------------------------------------------


def counted(times):
    """Legs that note when each of their steps was taken, in order."""

    def step(state, t):
        place, seen = state
        return place + 1, seen.at[place].set(t)

    start = (jnp.int32(0), jnp.full(60, -1, jnp.int32))
    return mj.iterate(start, step, lambda s: {"place": s[0], "seen": s[1]}, times)


@pytest.mark.parametrize("times", [(0, 6, 10, 20), (0, 7, 8), (0,), (0, 50)])
def test_steps_are_taken_in_stretches_of_known_length(times):
    def walked():
        return walk(counted(times), count=len(times) + 1)[1]  # and past the end

    plain = jax.jit(walked)()
    with wide(1):
        trace = jax.make_jaxpr(walked)()
        found = jax.jit(walked)()
    np.testing.assert_array_equal(plain["place"], [*times, times[-1]])
    np.testing.assert_array_equal(plain["seen"][-1][: times[-1]], range(times[-1]))
    jax.tree.map(np.testing.assert_array_equal, found, plain)
    lengths = [
        e.params["length"] for e in equations(trace.jaxpr) if "length" in e.params
    ]
    known = {(0, 6, 10, 20): [2], (0, 50): [50]}.get(times, [])
    assert sorted(lengths) == sorted([len(times) + 1, *known])


def test_times_that_are_traced_are_walked_step_by_step():
    def walked(last):
        return walk(counted(last))[1]

    with wide(1):
        found = jax.jit(walked)(jnp.int32(37))
    jax.tree.map(np.testing.assert_array_equal, found, jax.jit(walked)(jnp.int32(37)))


@pytest.mark.parametrize(
    "module", [ragged_sweep, pytest.param(small_runs, marks=LONG), graph_grid]
)
def test_programs_for_cpus_step_one_by_one(module, monkeypatch):
    """To the letter what they would be if there were nothing but the plain loop."""

    def advance(self, state, k):
        times = (0, *self.times, self.times[-1])
        begin, end = jnp.array(times[:-1]), jnp.array(times[1:])
        k = jnp.minimum(k, len(self.times))
        loop = jax.lax.fori_loop
        return loop(begin[k], end[k], lambda t, s: self.step(s, t), state)

    def text():
        work = module.workload(4).shorter(20, 10)
        run = graph.run if module is graph_grid else mlp.run
        axes = {**work.axes, "steps": work.steps, "log_every": work.log_every}
        job = mj.Sweep(run, **axes).job()
        with precisely(False):
            (group,) = job.groups(np.arange(4))
            types = abstract((job.numbers(np.arange(4)), {}, None, np.int32(0)))
            layout = Layout(1, None, 0)
            return lower(group.lane, layout, types, job.machine).as_text()

    made = text()
    monkeypatch.setattr(Legs, "advance", advance)
    assert text() == made


# --- sweeps ---------------------------------------------------------------------------


@pytest.mark.parametrize("wave", [7, *(pytest.param(n, marks=LONG) for n in (1, 128))])
def test_an_accelerators_layout_changes_nothing(whole, wave):
    found = on(like_a_gpu(wave=wave))
    close(found, whole)
    (layout,) = layouts(found)
    assert layout["chunk"] == layout["lanes"] == 48 / jax.local_device_count()
    assert layout["wave"] <= wave


@pytest.mark.long
def test_a_diverged_lane_leaves_its_neighbors_alone_in_a_wave():
    sane = on(like_a_gpu(), {**AXES, "lr": [1e-3, 1e-2, 1e-1]})
    wild = on(like_a_gpu(), {**AXES, "lr": [1e-3, 1e-2, 1e30]})
    kept = {"lr": [1e-3, 1e-2]}
    assert (wild.status.sel(lr=1e30) == "diverged").all()
    xr.testing.assert_equal(wild.sel(kept).drop_attrs(), sane.sel(kept).drop_attrs())


@pytest.mark.long
def test_segments_go_on_in_donated_memory(whole, tmp_path, monkeypatch):
    """Stopped in the midst and resumed from a written state: the same bits."""
    (block,) = mj.Sweep(tiny.run, **AXES).plan(machine=like_a_gpu()).blocks
    monkeypatch.setattr(plans, "CALL_SECONDS", block.seconds / 20)
    unbroken = on(like_a_gpu(), chunk=block.chunk)
    close(unbroken, whole)
    assert layouts(unbroken)[0]["legs"] == 1
    monkeypatch.setattr(Pace, "due", lambda self: True)
    call, done = calls._call, []

    def stopped(*given):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(call(*given))
        return done[-1]

    monkeypatch.setattr(calls, "_call", stopped)
    with pytest.raises(KeyboardInterrupt):
        on(like_a_gpu(), store=tmp_path, chunk=block.chunk)
    monkeypatch.setattr(calls, "_call", call)
    resumed = on(like_a_gpu(), store=tmp_path, chunk=block.chunk)
    assert len(done) == 3
    xr.testing.assert_identical(resumed.drop_attrs(), unbroken.drop_attrs())


EIGHT = """
import sys
import tiny
from test_wide import AXES, hands, like_a_gpu, on
from memjax import measure

measure.TILE = 4
machine = like_a_gpu()
assert machine.devices == 8
for way in (machine, machine._replace(lanes=2)):
    hands(way)
on(machine).to_netcdf(sys.argv[1], engine="h5netcdf")
"""
MEETING = "all-gather all-reduce all-to-all collective reduce-scatter".split()


def hands(machine: mj.machines.Machine) -> None:
    """No device's lanes take longer than another's by more than one lane, and no device
    waits for another: programs that hold the lanes of all have no collectives.
    """
    with precisely(False):
        sweep = mj.Sweep(tiny.run, **AXES)
        job = sweep.job().on(machine)
        for block in sweep.plan(job=job).blocks:
            group = block.group
            seconds = dict(zip(group.lanes.tolist(), group.seconds, strict=True))
            takes = block.real * [seconds[lane] for lane in block.lanes.tolist()]
            dealt = np.reshape(takes, (machine.devices, -1)).sum(1)
            assert dealt.min() > 0 and np.ptp(dealt) <= takes.max()
            given = (job.numbers(block.lanes), job.arrays, None, np.int32(0))
            made = lower(group.lane, block.layout, abstract(given), machine)
            text = made.compile().as_text()
            assert f"num_partitions={machine.devices}" in text
            assert not [word for word in MEETING if word in text]


@LONG
def test_eight_devices_share_lanes_and_never_meet(whole, tmp_path):
    """In a process of its own, for it has eight devices."""
    settings = {**os.environ, "JAX_NUM_CPU_DEVICES": "8"}
    file = tmp_path / "eight.nc"
    words = [sys.executable, "-c", EIGHT, file]
    subprocess.run(words, check=True, cwd=Path(__file__).parent, env=settings)
    close(xr.open_dataset(file), whole)


# --- memory ---------------------------------------------------------------------------


def no_room_for(lanes: int, monkeypatch) -> list[int]:
    """Calls of more lanes a device run out of memory; the lanes of all calls."""
    call, tried = calls._call, []

    def small_memory(job, block, *rest):
        tried.append(len(block.lanes) // job.machine.devices)
        if tried[-1] > lanes:
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory")
        return call(job, block, *rest)

    monkeypatch.setattr(calls, "_call", small_memory)
    return tried


@pytest.mark.long
def test_lanes_that_memory_does_not_hold_are_halved(whole, monkeypatch):
    machine = like_a_gpu(devices=1, jax_devices=here().jax_devices[:1])
    tried = no_room_for(13, monkeypatch)
    found = on(machine)
    close(found, whole)
    assert tried == [48, 24, 12, 12, 24, 12, 12]
    told = layouts(found)
    assert {"too_large": 48} in told and {"too_large": 24} in told
    assert {layout["lanes"] for layout in told if "lanes" in layout} == {12}
    no_room_for(0, monkeypatch)
    with pytest.raises(mj.BadValue, match="chunk: one run at a time does not fit"):
        on(machine)


@pytest.mark.long
def test_halves_are_in_the_plan_of_a_store(whole, tmp_path, monkeypatch):
    tried = no_room_for(6, monkeypatch)
    first = on(like_a_gpu(), store=tmp_path)
    close(first, whole)
    (tmp_path / "results.nc").unlink(missing_ok=True)
    next(tmp_path.glob("block-*.npz")).unlink()
    tried.clear()
    again = on(like_a_gpu(), store=tmp_path)
    assert tried == [6]  # what is missing runs as it did, and nothing is too large
    xr.testing.assert_identical(again.drop_attrs(), first.drop_attrs())


@pytest.mark.long
def test_a_program_that_needs_too_much_is_never_run(whole):
    """What the compiler says of the whole program decides, before it runs."""
    machine = like_a_gpu(devices=1, jax_devices=here().jax_devices[:1])
    ample = on(machine)
    small = on(machine._replace(memory=2**17), chunk=48)
    close(small, ample)
    refused = {d["too_large"] for d in layouts(small) if "too_large" in d}
    assert 1 not in refused and refused
    assert not any("too_large" in d for d in layouts(ample))


def test_states_are_written_in_little_of_the_time():
    """By a clock of our own: calls of 5 s, writes of 2 s, for an hour."""
    time = [0.0]
    pace, writes = Pace(50 * 2**20, lambda: time[0]), 0
    while time[0] < 3600:
        time[0] += 5.0
        if pace.due():
            with pace.writing():
                time[0] += 2.0
            writes += 1
    assert 2 * writes / time[0] <= WRITING
    assert writes >= 3600 * WRITING / 2 - 5

"""Plans for machines that are not here, and programs for those that are."""

import importlib

import jax
import numpy as np
import pytest
import tiny

import experiments as published_experiments
import memjax as mj
from benchmarks import graph, graph_grid, mlp, ragged_sweep, small_runs
from memjax.cli.flags import define, stated
from memjax.cli.named import names
from memjax.engine.asked.jaxprs import equations
from memjax.engine.planned.group import Group
from memjax.engine.planned.plan import CALL_SECONDS, held_bytes, make_plan
from memjax.engine.planned.price import Price, price
from memjax.engine.run.devices import here

H100 = mj.machines.h100
WORKLOADS = [(ragged_sweep, mlp.run), (small_runs, mlp.run), (graph_grid, graph.run)]


def sweep_of(module, run, steps=None) -> mj.Sweep:
    work = module.workload()
    return mj.Sweep(
        run, **work.axes, steps=steps or work.steps, log_every=work.log_every
    )


@pytest.fixture(scope="module")
def plans() -> list:
    return [sweep_of(*of).plan(machine=H100) for of in WORKLOADS]


def lanes(count: int, price: Price, steps: int = 1000) -> Group:
    """So many lanes alike, of a made-up price."""
    each = np.ones(count)
    return Group({}, np.arange(count), each, steps * each, lambda: price, None)


def test_all_lanes_of_a_workload_are_one_call_of_one_program(plans):
    for plan in plans:
        (group,), (block,) = plan.groups, plan.blocks
        assert block.chunk == len(block.lanes) == len(group.lanes)
        assert block.legs is None
        assert plan.seconds < CALL_SECONDS


def test_a_plan_says_what_it_is_for(plans):
    text = str(plans[1])
    assert "512 runs in 1 compiled program on 1 NVIDIA H100 80GB HBM3\n" in text
    assert "chunks of 512" in text
    assert "of 47.5 GiB of a device's memory" in text
    sweep = mj.Sweep(tiny.run, **tiny.AXES)
    assert "on 8 NVIDIA H100 80GB HBM3s" in str(
        sweep.plan(machine=H100._replace(devices=8))
    )
    assert sweep.plan(machine=here()).machine == sweep.plan().machine
    assert str(sweep.plan()).splitlines()[0].endswith("devices")


def test_a_plan_compiles_nothing(monkeypatch):
    def refuse(*_: object) -> None:
        raise AssertionError("a plan compiles nothing")

    monkeypatch.setattr(jax.stages.Lowered, "compile", refuse)
    plan = mj.Sweep(tiny.run, **tiny.AXES).plan(machine=H100)
    assert plan.blocks[0].chunk == 16


def test_what_memory_cannot_hold_is_cut_into_blocks(plans):
    """2¹⁷ lanes of W2, and some on a device with little memory."""
    (group,) = plans[1].groups
    many = lanes(2**17, group.price)
    for machine in (H100, H100._replace(memory=2**28)):
        plan = make_plan([many], machine)
        assert sum(block.real.sum() for block in plan.blocks) == 2**17
        for block in plan.blocks:
            assert len(block.lanes) == block.chunk
            needed = held_bytes(group.price, len(block.lanes), block.chunk)
            assert needed <= machine.memory
    assert len(plan.blocks) > 100


def test_lanes_that_need_no_memory_are_all_run_at_once():
    free = Price(0.0, 0.0, 11, 0, 0)
    (block,) = make_plan([lanes(5000, free)], H100).blocks
    assert block.chunk == len(block.lanes) == 5000


def test_a_lane_that_memory_cannot_hold_is_run_alone():
    vast = Price(0.0, 0.0, 11, 0, 0, live_bytes=2**40)
    plan = make_plan([lanes(3, vast)], H100)
    assert [block.chunk for block in plan.blocks] == [1, 1, 1]


def test_starts_of_kernels_are_shared_by_the_lanes_of_a_chunk():
    """100 kernels a step of 3 µs each, whatever the lanes; and then their own work."""
    made = Price(0.0, 1e-6, 11, 8, 8, (0.0, 3e-4))
    (block,) = make_plan([lanes(500, made)], H100).blocks
    assert block.seconds == pytest.approx(1000 * (500e-6 + 3e-4))
    two = make_plan([lanes(500, made)], H100, chunk=250)
    assert two.seconds == pytest.approx(1000 * (500e-6 + 2 * 3e-4))


def test_a_price_follows_from_what_a_machine_does():
    """A product of [60, 70] by [70, 80], and the sum of its 4800 numbers."""

    def run(a):
        return {"sum": (a * np.ones((60, 70)) @ np.ones((70, 80))).sum()}

    job = mj.Sweep(run, a=[1.0]).job()
    lane = job.groups(np.arange(1))[0].lane.traced
    free = mj.machines.Prices(*[np.inf] * 5)
    flops = price(lane, free._replace(flops=1.0)).seconds(0)
    assert flops == 2 * 60 * 70 * 80
    kernels = price(lane, free._replace(kernel=1.0)).starting(0)
    assert kernels == 3  # the product, the sum, and what stands around them
    held = price(lane, mj.machines.CORE).live_bytes
    factors, products = 60 * 70 + 70 * 80, 60 * 80
    assert held == 4 * (factors + 60 * 70 + products)  # the scaled factor, too


def test_the_machine_here_is_what_jax_says():
    machine = here()
    assert machine.devices == jax.local_device_count()
    assert machine.platform == jax.default_backend()
    assert machine.jax_devices == tuple(jax.local_devices())


# --- precision ------------------------------------------------------------------------


def products(lane) -> list:
    """The types and precisions of the products in a trace, at any depth."""
    every = (e for jaxpr in lane.traced.jaxprs for e in equations(jaxpr))
    found = (e for e in every if e.primitive.name.startswith(("dot_", "conv_")))
    return [(e.outvars[0].aval.dtype, e.params["precision"]) for e in found]


def full_precision(sweep: mj.Sweep) -> int:
    """How many products of a sweep were looked at: all of them are in full precision.

    Products of whole numbers and in double precision know no other.
    """
    seen = [p for group in sweep.plan().groups for p in products(group.lane)]
    full = (jax.lax.Precision.HIGHEST,) * 2
    assert all(how == full for kind, how in seen if kind == np.float32)
    assert not any(kind in (np.float16, jax.numpy.bfloat16) for kind, _ in seen)
    return len(seen)


def test_traces_hold_only_products_in_full_precision(plans):
    for plan in plans:
        seen = products(plan.groups[0].lane)
        assert len(seen) >= 3
        assert {how for _, how in seen} == {(jax.lax.Precision.HIGHEST,) * 2}


@pytest.mark.long
@pytest.mark.parametrize("name", names(published_experiments))
def test_experiments_ask_for_products_in_full_precision(name):
    module = importlib.import_module(f"experiments.{name}")
    found = sum(map(full_precision, stated(module, define(module)).values()))
    assert found or name == "edgebank"  # a table of edges multiplies nothing


def test_double_precision_is_refused_where_a_device_has_none():
    tpu = H100._replace(kind="TPU v5e", platform="tpu")
    sweep = mj.Sweep(tiny.run, **tiny.AXES, float64=True)
    with pytest.raises(mj.BadValue, match="float64: a TPU v5e has no double"):
        sweep.plan(machine=tpu)
    assert sweep.but(float64=False).plan(machine=tpu).blocks
    assert sweep.plan(machine=H100).blocks

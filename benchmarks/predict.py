"""W1 to W3 compiled for a GPU that is not here, and how long they should take there.

`python -m benchmarks --machine=h100 --predict`. XLA's compiler for CUDA runs without a
GPU (`pip install 'memjax[aot]'`), so kernels, operations and bytes are those of the
programs; seconds are an estimate from them: 2 µs a kernel in a graph, 25 TF/s of
batched float32 products, 3 TB/s.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import topologies

import memjax as mj
from benchmarks import graph, graph_grid, mlp, ragged_sweep, small_runs
from benchmarks.hlo import Cost, Module
from memjax.engine.asked.jaxprs import abstract
from memjax.engine.asked.settings import precisely
from memjax.engine.planned.machines import Machine
from memjax.engine.run.program import lower

WORKLOADS = (
    ("W1", ragged_sweep, mlp.run),
    ("W2", small_runs, mlp.run),
    ("W3", graph_grid, graph.run),
)
KERNEL, FLOPS, BYTES = 2e-6, 2.5e13, 3e12  # seconds each; a second


# What JAX has to be told before it is imported.
SETTINGS = {"JAX_PLATFORMS": "cpu", "JAX_SKIP_CUDA_CONSTRAINTS_CHECK": "1"}


def apart(*words: str) -> int:
    """The exit code of this module in a process of its own, where JAX has no GPU."""
    command = [sys.executable, "-m", "benchmarks.predict", *words]
    return subprocess.run(command, env={**os.environ, **SETTINGS}).returncode


def target() -> Machine:
    """An H100 to compile for."""
    described = Path(__file__).with_name("h100.txtpb").read_text()
    found = topologies.get_topology_desc(
        platform="cuda", target_config=described, topology="1x1x1"
    )
    return mj.machines.h100._replace(jax_devices=tuple(found.devices))


def compiled(sweep: mj.Sweep, machine: Machine) -> tuple[Any, Any]:
    """The plan of a sweep, and the program of its first group."""
    with precisely(sweep.float64):
        job = sweep.job().on(machine)
        plan = sweep.plan(job=job)
        block = plan.blocks[0]
        given = (job.numbers(block.lanes), job.arrays, None, np.int32(0))
        lowered = lower(block.group.lane, block.layout, abstract(given), machine)
        return plan, lowered.compile(dict(machine.options))


def step_of(module: Module) -> tuple[Any, Cost]:
    """The loop over steps of a program, and what one of them does.

    It is the innermost loop with a known length; waves of rows may be inside.
    """
    known = [(op, body) for op, body in module.loops() if op.trips is not None]
    op, body = known[-1]
    for one, inside in known:
        if not any(o.trips is not None for o, _ in module.loops(inside)):
            op, body = one, inside
            break
    return op, module.cost(body)


def seconds(cost: Cost) -> float:
    """The estimate: kernels one after another, each bound by what it does most of."""
    return cost.kernels * KERNEL + max(cost.flops / FLOPS, cost.bytes / BYTES)


def report(name: str, module: Any, run: Any, machine: Machine) -> dict[str, Any]:
    """What the program of a workload does in a step, and in all."""
    work = module.workload()
    sweep = mj.Sweep(run, **work.axes, steps=work.steps, log_every=work.log_every)
    plan, program = compiled(sweep, machine)
    read = Module(program.as_text())
    _, step = step_of(read)
    told = program.memory_analysis()
    held = told.argument_size_in_bytes + told.output_size_in_bytes
    held += told.temp_size_in_bytes - told.alias_size_in_bytes
    whole = read.cost()
    return {
        "name": name,
        "programs": len(plan.groups),
        "calls": len(plan.blocks),
        "chunk": plan.blocks[0].chunk,
        "lanes": len(sweep),
        "kernels": step.kernels,
        "gflop": step.flops / 1e9,
        "useful": work.gflop / work.steps,
        "megabytes": step.bytes / 1e6,
        "held": held / 2**20,
        "loops": [op.trips for op, _ in read.loops()],
        "seconds": seconds(whole),
        "planned": plan.seconds,
    }


def predict(out: str = "") -> list[dict[str, Any]]:
    """Print and return what all of them should take, and keep it where asked to."""
    machine = target()
    print(f"{machine}, compiled with jax {jax.__version__}, none of it run")
    print(
        f"{'':4}{'kernels':>9}{'GFLOP':>8}{'useful':>8}{'MB':>8}  a step"
        f"{'held MiB':>10}{'seconds':>9}{'planned':>9}"
    )
    found = []
    for workload in WORKLOADS:
        told = report(*workload, machine)
        found.append(told)
        print(
            f"{told['name']:4}{told['kernels']:9.0f}{told['gflop']:8.2f}"
            f"{told['useful']:8.2f}{told['megabytes']:8.0f}{'':8}{told['held']:10.0f}"
            f"{told['seconds']:9.2f}{told['planned']:9.2f}",
            flush=True,
        )
    if out:
        Path(out).mkdir(parents=True, exist_ok=True)
        Path(out, "h100.json").write_text(json.dumps(found, indent=2) + "\n")
    return found


if __name__ == "__main__":
    predict(*sys.argv[1:])

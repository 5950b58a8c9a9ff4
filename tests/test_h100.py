"""Programs for an H100, compiled by XLA's CUDA compiler, which needs no GPU, and read.

Left out only where that compiler is not installed (`pip install -e '.[aot]'`).
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.hlo import Cost, Module, bytes_of
from benchmarks.predict import SETTINGS

ROOT = Path(__file__).parents[1]
PLUGINS = importlib.util.find_spec("jax_plugins")
HAVE = PLUGINS is not None and any(
    importlib.util.find_spec(f"jax_plugins.xla_cuda{n}") for n in (12, 13)
)

# A segment of W3, a sweep of kernel machines and one of transformers.
OTHERS = """
import json, sys
import jax, jax.numpy as jnp, numpy as np
import memjax as mj
from benchmarks import graph, graph_grid, predict, sequence_grid, sequences
from benchmarks.hlo import Module
from memjax.engine.asked.jaxprs import abstract
from memjax.engine.asked.settings import precisely
from memjax.engine.planned.propose import propose
from memjax.engine.run.program import blank_carry, lower

machine = predict.target()


def fitted(seed, ridge, *, n):
    x = jax.random.normal(jax.random.key(seed), (n, 5))
    gram, w = jnp.exp(x @ x.T), jnp.full(n, 1 / n)
    fit = mj.kernels.ridge(gram, x[:, :1], w, ridge)
    return {"fit": jnp.sum(fit), "top": mj.kernels.factor(gram, w).values[-1]}


def loops(program):
    return [op.trips for op, _ in Module(program.as_text()).loops()]


machines = mj.Sweep(fitted, seed=range(64), ridge=1e-3, n=100)
_, kernels = predict.compiled(machines, machine)
axes = {**sequence_grid.workload(4).axes, "steps": 100, "log_every": 10}
_, transformers = predict.compiled(mj.Sweep(sequences.run, **axes), machine)

work = graph_grid.workload()
axes = {**work.axes, "steps": work.steps, "log_every": work.log_every}
with precisely(False):
    job = mj.Sweep(graph.run, **axes).job().on(machine)
    block = propose(job, np.arange(256), None).blocks[0]._replace(legs=7)
    lane = block.group.lane
    carry = blank_carry(lane, 256, mj.machines.cpu(1))
    types = abstract((job.numbers(block.lanes), job.arrays, carry, np.int32(0)))
    segment = lower(lane, block.layout, types, machine).compile(dict(machine.options))
print(json.dumps({
    "kernels": loops(kernels),
    "transformers": loops(transformers),
    "step": predict.step_of(Module(transformers.as_text()))[1],
    "aliased": segment.memory_analysis().alias_size_in_bytes,
    "state": 256 * block.group.price.state_bytes,
}))
"""


def apart(*words: str, dump: Path | None = None) -> str:
    """What a process prints that has no GPU to run on, only the compiler for one."""
    flags = f"--xla_dump_to={dump}" if dump else ""
    places = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    settings = {**os.environ, **SETTINGS, "XLA_FLAGS": flags, "PYTHONPATH": places}
    done = subprocess.run(
        [sys.executable, *words], env=settings, capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def read(tmp_path_factory) -> dict:
    """What W1 to W3 do in a step, and how they are launched."""
    out = tmp_path_factory.mktemp("h100")
    apart("-m", "benchmarks.predict", str(out), dump=out / "dump")
    launched = sorted((out / "dump").glob("*on_device*sequence_after_thunk_passes.txt"))
    told = {of["name"]: of for of in json.loads((out / "h100.json").read_text())}
    return {"told": told, "launched": [file.read_text() for file in launched]}


needs_compiler = pytest.mark.skipif(not HAVE, reason="no CUDA compiler: memjax[aot]")


@pytest.mark.long
@needs_compiler
def test_a_step_is_few_kernels_and_no_idle_work(read):
    most = {"W1": 60, "W2": 25, "W3": 12}
    for name, told in read["told"].items():
        assert told["kernels"] <= most[name]
        assert told["gflop"] == pytest.approx(told["useful"], rel=0.15)
        assert told["programs"] == told["calls"] == 1
        assert told["chunk"] == told["lanes"]


@pytest.mark.long
@needs_compiler
def test_steps_have_a_known_length_and_lanes_no_loop(read):
    """Legs, stretches of ten steps or a hundred, steps; in W1 waves of rows, too."""
    found = {name: told["loops"] for name, told in read["told"].items()}
    assert found["W2"] == [101, None, 10]
    assert found["W3"] == [51, None, 100]
    assert found["W1"][:3] == [101, None, 10]
    assert found["W1"][3:] == [None] * 3  # of the step, of train and of test rows


@pytest.mark.long
@needs_compiler
def test_all_of_a_program_is_one_graph(read):
    """Nothing at the outer level but command buffers: the host is not waited for."""
    assert len(read["launched"]) == 3
    for text in read["launched"]:
        outer = re.findall(r"^\d+: (k\w+)", text, re.M)
        assert "kCommandBuffer" in outer and "kWhile" not in outer
        assert "kWhile" in text


@pytest.mark.long
@needs_compiler
def test_the_estimate_is_that_of_the_mended_layout(read):
    """Of an H100's seconds: at most 1.5 times what a prototype's kernels came to."""
    mended = {"W1": 0.45, "W2": 0.3, "W3": 0.5}
    for name, told in read["told"].items():
        assert told["seconds"] <= 1.5 * mended[name]
        assert told["planned"] / told["seconds"] == pytest.approx(1.5, abs=0.5)


@pytest.mark.long
@needs_compiler
def test_kernels_transformers_and_segments():
    told = json.loads(apart("-c", OTHERS).splitlines()[-1])
    assert told["kernels"] == []  # lanes are batches of the solvers
    assert told["transformers"][:3] == [11, None, 10]
    assert told["transformers"][3:] == []
    assert told["aliased"] >= told["state"]


# --- the reader, on a module written by hand ------------------------------------------

BY_HAND = """HloModule by_hand

%inside (p: f32[4,6], q: f32[6,8]) -> f32[4,8] {
  %p = f32[4,6]{1,0} parameter(0)
  %q = f32[6,8]{1,0} parameter(1)
  ROOT %d = f32[4,8]{1,0} dot(%p, %q), lhs_contracting_dims={1}, rhs_contracting_dims={0}
}

%slice (p: f32[100,4], i: s32[]) -> f32[1,4] {
  %p = f32[100,4]{1,0} parameter(0)
  %i = s32[] parameter(1)
  ROOT %s = f32[1,4]{1,0} dynamic-slice(%p, %i, %i), dynamic_slice_sizes={1,4}
}

%body (t: (f32[4,6], f32[6,8])) -> (f32[4,6], f32[6,8]) {
  %t = (f32[4,6]{1,0}, f32[6,8]{1,0}) parameter(0)
  %a = f32[4,6]{1,0} get-tuple-element(%t), index=0
  %b = f32[6,8]{1,0} get-tuple-element(%t), index=1
  %f = f32[4,8]{1,0} fusion(%a, %b), kind=kCustom, calls=%inside
  ROOT %r = (f32[4,6]{1,0}, f32[6,8]{1,0}) tuple(%a, %b)
}

ENTRY %main (x: f32[100,4], i: s32[]) -> f32[1,4] {
  %x = f32[100,4]{1,0} parameter(0)
  %i = s32[] parameter(1)
  %t = (f32[4,6]{1,0}, f32[6,8]{1,0}) custom-call(), custom_call_target="made"
  %w = (f32[4,6]{1,0}, f32[6,8]{1,0}) while(%t), condition=%c, body=%body, backend_config={"known_trip_count":{"n":"5"}}
  ROOT %s = f32[1,4]{1,0} fusion(%x, %i), kind=kLoop, calls=%slice
}
"""  # noqa: E501


def test_kernels_operations_and_bytes_are_read():
    module = Module(BY_HAND)
    ((loop, body),) = module.loops()
    assert loop.trips == 5
    once = Cost(1, 2 * 4 * 8 * 6, 4 * (4 * 6 + 6 * 8 + 4 * 8))
    assert module.cost(body) == once
    made = Cost(1, 0, 4 * (4 * 6 + 6 * 8))
    part = Cost(1, 0, 4 * (4 + 4 + 1))  # of 100 rows one is read
    assert module.cost() == made.plus(once, 5).plus(part)


def test_arrays_have_the_bytes_of_their_types():
    assert bytes_of("(f32[3,5]{1,0}, bf16[2]{0}, pred[7]{0}, s64[])") == 60 + 4 + 7 + 8

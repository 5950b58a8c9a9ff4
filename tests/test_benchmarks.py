"""The benchmarks, tiny and without torch: variants agree, sums are right."""

import json
from types import ModuleType

import jax
import numpy as np
import pytest

from benchmarks import (
    figure,
    graph_grid,
    growth,
    harness,
    ragged_sweep,
    sequence_grid,
    shapes,
    small_runs,
    solves,
)
from benchmarks.harness import Variant, agree, relative, row
from benchmarks.workload import Run, Workload, dealt, evenly

pytestmark = pytest.mark.long  # every peer compiles


def tiny(rows: list[int], steps: int = 100) -> Workload:
    runs = tuple(Run((), (), 0.1, 0.0, n) for n in rows)
    return Workload("W0", "tiny", {}, runs, steps, 10, 1000)


def small_workload(module: ModuleType) -> Workload:
    if module is ragged_sweep:
        return module.workload(5, 20)._replace(log_every=10)  # up to two tiles of rows
    if module is sequence_grid:
        return module.workload(4, 2)._replace(log_every=1)
    return module.workload(8, 20)._replace(log_every=10)


@pytest.mark.parametrize(
    "module", [ragged_sweep, small_runs, graph_grid, sequence_grid]
)
def test_all_variants_in_jax_agree(module):
    work = small_workload(module)
    jaxes = [v for v in module.variants() if not v.name.startswith("torch")]
    peers = {v.name for v in jaxes} - {"memjax_kept"}
    assert peers == {"memjax", "jax_batched", "jax_each", "jax_vmap"}
    with jax.numpy_rank_promotion("allow"):  # peers are written as most people write
        found = {v.name: dict(enumerate(v.prepare(work)())) for v in jaxes}
    agree(work, found)
    answers = np.array(list(found["memjax"].values()))
    assert len(np.unique(answers[:, 0])) == len(work.runs)  # no two runs are the same


def test_the_command_measures_keeps_and_draws(tmp_path, capsys):
    flags = ["--small", "--repeats=1", f"--out={tmp_path}"]
    small_runs.main([*flags, "--runs=4", "--peers=memjax,jax_batched"])
    record = json.loads((tmp_path / "W2.json").read_text())
    names = [r["variant"] for r in record["rows"]]
    assert names == ["memjax", "jax_batched"]
    assert record["rows"][0]["times_ours"] == 1
    assert record["compile_cold"] > record["compile_cached"] > 0
    assert record["peak_gflops"] > 0
    figure.main([f"--out={tmp_path}"])
    assert (tmp_path / "peers.png").stat().st_size > 10_000
    assert "| memjax |" in (tmp_path / "table.md").read_text()
    assert "torch_expert" not in capsys.readouterr().out.split("variant")[1]


def test_a_point_of_growth_counts_its_runs():
    found = growth.point(4, 100, 20, 1)
    assert found["runs_per_second"] == pytest.approx(4 / found["seconds"])
    assert found["peak_mib"] > 50
    twice = {**found, "runs": 8, "seconds": 3 * found["seconds"]}
    assert growth.over(twice, found, "runs") == pytest.approx(1.5)


def test_a_disagreement_is_refused():
    work = tiny([100] * 2)._replace(shares=(1,))
    same = {0: np.array([1.0, 0.2]), 1: np.array([3.0, 0.4])}
    agree(work, {"a": same, "b": {1: np.array([3.0, 0.41])}})  # one point of 100
    for wrong in ([3.1, 0.4], [3.0, 0.42]):
        with pytest.raises(AssertionError, match="b against a, run 1"):
            agree(work, {"a": same, "b": {1: np.array(wrong)}})


def test_a_share_is_scaled_up_by_work():
    work = tiny([100] * 8)
    assert work.gflop == pytest.approx(8 * 100 * 1000 * 100 / 1e9)
    steps = Variant("slow", lambda w: lambda: np.zeros(0), 0.2)
    assert steps.part(work).steps == 20
    assert steps._replace(share=1e-9).part(work).steps == 10  # never less than one leg
    part = steps._replace(by="runs", share=0.5).part(work)
    assert len(part.runs) == 4 and part.steps == 100
    scaled = row(steps, [1.0, 2.0, 4.0], 9.0, 0.2, work, 1.0)
    assert scaled["seconds"] == pytest.approx(10)
    assert (scaled["fastest"], scaled["slowest"]) == pytest.approx((5, 20))
    assert scaled["of_peak"] == pytest.approx(work.gflop / 10)


def test_ratios_are_to_memjax():
    rows = [{"variant": "torch", "seconds": 6.0}, {"variant": "memjax", "seconds": 2.0}]
    assert [r["times_ours"] for r in relative(rows)] == [3.0, 1.0]


def test_floors_are_named_when_missed():
    floors = harness.Floors({"torch": 4.0}, 0.5, 3.0, 0.5, kept=1.03)
    rows = [
        {"variant": "memjax", "times_ours": 1.0, "of_peak": 0.6},
        {"variant": "memjax_kept", "times_ours": 1.04, "of_peak": 0.6},
        {"variant": "torch", "times_ours": 3.0, "of_peak": 0.2},
    ]
    record = {"rows": rows, "compile_cold": 2.0, "compile_cached": 0.6}
    assert harness.missed(record, floors) == [
        "1.040x with a bar and a store, above 1.03x",
        "3.00x torch, below 4.0x",
        "compile_cached 0.60 s, above 0.5 s",
    ]


def test_the_longest_runs_are_dealt_first():
    assert dealt([50, 100, 200, 400], 2) == [[3], [2, 1, 0]]
    assert dealt([50, 100, 200, 400], 2, most=2) == [[3, 0], [2, 1]]


def test_axes_multiply_to_the_runs():
    assert evenly(512, 3) == (8, 8, 8)
    assert evenly(256, 3) == (8, 8, 4)
    assert evenly(1, 3) == (1, 1, 1)
    with pytest.raises(ValueError, match="power of two"):
        evenly(48, 3)


def test_an_unknown_peer_is_refused():
    with pytest.raises(SystemExit, match="pytorch"):
        small_runs.main(["--small", "--peers=pytorch"])


def test_solves_agree_and_are_kept(tmp_path):
    """With numpy and scipy, to a millionth; the command says so by not failing."""
    peers = "memjax,numpy_lstsq,scipy_eigh"
    flags = ["--small", "--repeats=1", f"--peers={peers}", f"--out={tmp_path}"]
    solves.main(flags)
    record = json.loads((tmp_path / "W8.json").read_text())
    assert [r["variant"] for r in record["rows"]] == peers.split(",")
    assert record["solves"] == 10


def test_shapes_agree_and_are_kept(tmp_path):
    """With a program for every shape, to a thousandth."""
    peers = "memjax,jax_each,jax_traced_steps"
    shapes.main(["--small", "--repeats=1", f"--peers={peers}", f"--out={tmp_path}"])
    record = json.loads((tmp_path / "W5.json").read_text())
    assert [r["variant"] for r in record["rows"]] == peers.split(",")
    assert record["runs"] == 24

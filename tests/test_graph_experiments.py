"""The experiments on graphs, as commands on tiny grids."""

import json

import numpy as np
import pytest
import xarray as xr

from experiments import (
    graph_cycles,
    graph_eigendirections,
    graph_knobs,
    graph_published,
)
from memjax.cli.launch import command


@pytest.fixture
def edges(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("a b\nb c\nc a\nc d\n")
    return file


@pytest.mark.long
def test_a_users_own_graph_beside_a_built_one(tmp_path, edges) -> None:
    out = tmp_path / "out"
    flags = f"--graph=cycle:5,file:{edges} --self_edges=0, --width=3, --steps=30"
    flags += f" --init_scale=1, --seeds=2 --longer=0 --out={out}"
    assert command(graph_eigendirections, ["x", *flags.split()]) == 0
    found = xr.open_dataset(out / "results.nc", engine="h5netcdf").squeeze()
    mine, ring = found.isel(graph=1, step=-1), found.isel(graph=0, step=-1)
    assert str(mine.graph.item()).startswith("mine#")
    assert np.isfinite(ring.projection).all()
    assert np.isfinite(mine.projection.sel(eigen=slice(0, 3))).all()
    assert np.isnan(mine.projection.sel(eigen=4)).all()  # four nodes, not five
    walk = mine.walk.isel(seed=0, node=slice(4), next=slice(4))
    np.testing.assert_allclose(walk[2], [1 / 3, 1 / 3, 0, 1 / 3], rtol=1e-6)
    assert mine.loss.max() < found.loss.isel(graph=1, step=0).min()
    assert (out / "figure.png").stat().st_size > 10_000


def test_a_malformed_file_is_one_line(tmp_path, edges, capsys) -> None:
    edges.write_text("a b c\n")
    assert command(graph_eigendirections, ["x", f"--graph=file:{edges}"]) == 1
    said = capsys.readouterr().err
    assert said.startswith("error: --graph: ") and "line 1" in said
    assert said.count("\n") == 1


@pytest.mark.long
def test_the_map_of_knobs(tmp_path) -> None:
    flags = "--graph=path:4, --lr=1e-3,1e-2 --wd=0,1 --init_scale=0.02,1 --seeds=2"
    flags += f" --width=8 --steps=12 --out={tmp_path}"
    assert command(graph_knobs, ["x", *flags.split()]) == 0
    found = xr.open_dataset(tmp_path / "results.nc", engine="h5netcdf").squeeze()
    p = found.projection.isel(eigen=slice(1, None)).values
    by_hand = (p**2).sum(-1) ** 2 / (p**4).sum(-1)
    np.testing.assert_allclose(found.participation.isel(step=-1), by_hand, rtol=1e-4)
    claims = json.loads((tmp_path / "claims.json").read_text())
    judged = [c for c in claims if c["kind"] != "ours"]
    assert judged and all(c["verdict"] == "not shown" for c in judged)


def test_one_start_is_one_panel_and_another_graph_has_no_row_of_the_study() -> None:
    def drawn(graph: str, init_scale: tuple) -> list[str]:
        knobs = {"lr": (1e-4, 1e-2), "wd": (0.0, 1.0), "init_scale": init_scale}
        sweep = graph_knobs.sweeps(**knobs, graph=(graph,), width=(8,), seeds=2)["main"]
        canvas = graph_knobs.figure({"main": sweep.made_up()})
        axes = [axis for axis in canvas.axes if axis.get_xlabel() == "lr of AdamW"]
        texts = [text.get_text() for axis in axes for text in axis.texts]
        return [axis.get_title(loc="left") for axis in axes] + texts

    assert len(drawn("path:5", (0.02, 1.0))) == 6
    assert len(drawn("path:5", (0.02,))) == 2
    assert set(drawn("cycle:15", (0.02,))[2:]) == {"1", "2a", "2b"}


@pytest.mark.long
def test_what_is_left_of_a_gap_is_that_to_the_convex_problem() -> None:
    sweep = graph_eigendirections.sweeps(
        graph=("path:5", "cycle:6"), self_edges=(0,), seeds=2, steps=2000, longer=10
    )["longer"]
    assert sweep is not None
    results = {"longer": sweep.compute()}
    off, left, outside = (
        graph_eigendirections.end(results, name) for name in ("off", "left", "outside")
    )
    assert 0 < off < 1 and 0 < left < 0.7 and outside < 0.1
    path, ring = graph_eigendirections.each_graph(results["longer"])
    found = graph_eigendirections.toward(path)
    assert float(found["gap"].min()) > 0
    assert "gap" not in graph_eigendirections.toward(ring)  # a closed form ends it


@pytest.mark.long
def test_measures_of_cycles_agree_with_their_closed_form() -> None:
    sweeps = graph_cycles.sweeps(nodes=(8, 9), looped=(8,), seeds=2, lr=0.05, width=8)
    results = {name: sweep.compute() for name, sweep in sweeps.items()}
    for name in ("projection", "loss", "rate"):
        assert graph_cycles.off(results, "main", name).value < 1
    assert graph_cycles.directions(results, "looped") == 2


@pytest.mark.long
def test_a_frozen_embedding_is_flat_and_stores_every_edge_in_two_steps() -> None:
    found = graph_published.sweeps(controls=2)["frozen"].compute()
    assert float(found.recall.sel(step=2).min()) == 1
    assert float(found.participation.min()) > 0.9 * 14
    assert float(found.loss.isel(step=-1).max()) < 0.71
    assert float(found.moved.max()) == 0

"""Both experiments on graphs, as commands on tiny grids."""

import json

import numpy as np
import pytest
import xarray as xr

from experiments import graph_eigendirections, graph_knobs
from memjax.cli.launch import command


@pytest.fixture
def edges(tmp_path):
    file = tmp_path / "mine.txt"
    file.write_text("a b\nb c\nc a\nc d\n")
    return file


def test_a_users_own_graph_beside_a_built_one(tmp_path, edges) -> None:
    out = tmp_path / "out"
    flags = f"--graph=cycle:5,file:{edges} --self_edges=0, --width=3, --steps=30"
    flags += f" --init_scale=1, --seeds=2 --theory=false --out={out}"
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


def test_the_diagram_of_knobs(tmp_path) -> None:
    flags = "--graph=path:4, --lr=1e-3,1e-2 --wd=0,1 --init_scale=0.02,1 --seeds=1"
    flags += f" --width=8 --steps=12 --repeats=0 --out={tmp_path}"
    assert command(graph_knobs, ["x", *flags.split()]) == 0
    found = xr.open_dataset(tmp_path / "results.nc", engine="h5netcdf").squeeze()
    p = found.projection.isel(eigen=slice(1, None)).values
    by_hand = (p**2).sum(-1) ** 2 / (p**4).sum(-1)
    np.testing.assert_allclose(found.participation.isel(step=-1), by_hand, rtol=1e-4)
    claims = json.loads((tmp_path / "claims.json").read_text())
    assert claims and all(c["holds"] is None for c in claims)  # none covered


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(7, "geometric"), (7.1, "mixed"), (12.6, "associative")]
)
def test_the_verdict_rule(ratio: float, verdict: str) -> None:
    assert graph_knobs.verdict(ratio, 14) == verdict


def test_a_frozen_embedding_is_flat_and_stores_every_edge_in_two_steps() -> None:
    sweep = graph_knobs.sweeps(seeds=range(2))["frozen"]
    found = sweep.compute()
    assert float(found.recall.sel(step=2).min()) == 1
    assert float(found.participation.min()) > 0.9 * 14
    assert float(found.loss.isel(step=-1).max()) < 0.71

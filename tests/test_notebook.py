"""The tutorial in a real kernel, and what stands in for pictures of it."""

import re
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

import memjax as mj

TUTORIAL = Path(__file__).parents[1] / "docs" / "tutorial.ipynb"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory):
    """What each cell of code shows, by its source."""
    book = nbformat.read(TUTORIAL, as_version=4)
    place = {"metadata": {"path": str(tmp_path_factory.mktemp("book"))}}
    NotebookClient(book, timeout=300, kernel_name="python3", resources=place).execute()
    return {c.source: c.outputs for c in book.cells if c.cell_type == "code"}


def html(outputs, start: str) -> str:
    (shown,) = (found for source, found in outputs.items() if source.startswith(start))
    return " ".join(part.data.get("text/html", "") for part in shown)


@pytest.mark.long
def test_the_tutorial_runs_in_a_kernel_and_shows_what_it_says(outputs):
    assert "<tr><th>size<td>50, 100, 200" in html(outputs, "sweep = mj.Sweep")
    assert "24 runs in 1 compiled program" in html(outputs, "sweep.plan()")
    bar = html(outputs, "results = sweep.compute")
    assert "<progress" in bar and "done in" in bar and "xarray.Dataset" in bar
    claims = html(outputs, "ended = ")
    assert "holds" in claims and "ours 1 of 1 hold" in claims
    pictures = [p for parts in outputs.values() for p in parts if "image/png" in p.data]
    assert len(pictures) == 1
    table = html(outputs, "results.loss.sel(lr=1e-2)")
    losses = [float(text) for text in re.findall(r"<td>([\d.]+)</td>", table)]
    right = [2.890, 0.014, 0.004, 0.002, 0.001, 0.001]  # the README's, of 50 points
    np.testing.assert_allclose(losses[:6], right, atol=2e-3)


def test_the_tutorial_is_kept_without_outputs():
    book = nbformat.read(TUTORIAL, as_version=4)
    nbformat.validate(book)
    assert not any(c.get("outputs") for c in book.cells)


def test_a_sweep_a_plan_and_claims_are_tables_in_a_notebook():
    sweep = mj.Sweep(lambda_free, a=[1.0, 2.0], b=3.0)
    shown = sweep._repr_html_()
    assert "2 runs" in shown and "<tr><th>a<td>1.0, 2.0" in shown
    assert "<tr><th>fixed<td>b=3.0" in shown
    assert sweep.plan()._repr_html_().startswith("<pre>2 runs in 1 compiled")
    claims = mj.Claims(
        [
            mj.Claim("<x> & y", 1.0, 1.05, "s", tolerance=0.1),
            mj.Claim("z", 1.0, 3.0, "s", tolerance=0.1),
            mj.Claim("unseen", 1.0, None, "s", needs="size 7"),
        ]
    )
    shown = claims._repr_html_()
    assert "&lt;x&gt; &amp; y" in shown and "<x>" not in shown
    assert shown.count("<tr>") == 3 and "unseen not shown: needs size 7" in shown
    assert str(claims) == mj.claims.table(claims)


def lambda_free(a, b):
    return {"sum": a + b}

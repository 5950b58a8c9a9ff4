"""Panels draw what they are given, and say what their bands and bars are."""

import importlib.util
import inspect
import io
import itertools
import re
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba

from memjax import plots
from memjax.plots import (
    BESIDE,
    DASHES,
    bars,
    cells,
    contours,
    density,
    filled,
    frame,
    images,
    key,
    keys,
    level,
    lines,
    log_ticks,
    matrix,
    mosaic,
    network,
    one,
    panels,
    points,
    regions,
)

SEEDS = 5


@pytest.fixture
def axis():
    canvas, panel = panels("a", (4, 3))
    yield panel["a"]
    plt.close(canvas)


@pytest.fixture
def y():
    values = np.random.default_rng(0).normal(size=(4, 3, SEEDS))
    coords = {"a": [1.0, 2.0, 4.0, 8.0], "b": [0, 1, 2], "seed": range(SEEDS), "p": 31}
    return xr.DataArray(values, dims=("a", "b", "seed"), coords=coords)


def legend(axis):
    return [text.get_text() for text in axis.get_legend().get_texts()]


def test_lines_are_means_with_a_band_of_one_sample_deviation(axis, y):
    lines(axis, y, "a", color="b", label="b = {b}")
    frame(axis, "p is {p}", y, xlabel="a", legend=True)
    for i, drawn in enumerate(axis.get_lines()):
        mean, sd = y[:, i].mean("seed"), y[:, i].std("seed", ddof=1)
        assert drawn.get_xdata() == pytest.approx(y.a.values)
        assert drawn.get_ydata() == pytest.approx(mean.values)
        edge = axis.collections[i].get_paths()[0].vertices[:, 1]
        assert edge.max() == pytest.approx(float((mean + sd).max()))
        assert edge.min() == pytest.approx(float((mean - sd).min()))
    assert legend(axis) == ["b = 0", "b = 1", "b = 2", "± sd, 5 seeds"]
    assert axis.get_title(loc="left") == "(a) p is 31"


def test_a_band_may_be_a_standard_error(axis, y):
    lines(axis, y.isel(b=0), "a", error="se")
    frame(axis)
    mean, se = y[:, 0].mean("seed"), y[:, 0].std("seed", ddof=1) / SEEDS**0.5
    edge = axis.collections[0].get_paths()[0].vertices[:, 1]
    assert edge.max() == pytest.approx(float((mean + se).max()))
    assert legend(axis) == ["± standard error, 5 seeds"]


def test_how_many_seeds_is_said_where_it_differs(axis, y):
    lines(axis, y.where((y.seed > 1) | (y.a > 1)), "a", color="b")
    frame(axis)
    assert legend(axis) == ["± sd, 3 to 5 seeds"]
    axis.clear()
    lines(axis, y.where(y.a > 1), "a", color="b")
    frame(axis)
    assert legend(axis) == ["± sd, 5 seeds"]


def test_one_seed_has_no_band(axis, y):
    lines(axis, y.isel(seed=[0]), "a", color="b", label="{b}")
    frame(axis)
    assert not axis.collections
    assert legend(axis) == ["0", "1", "2"]


def test_curves_are_told_apart_without_color(axis, y):
    points(axis, y, "a", color="b", join=True)
    styles = [c.lines[0].get_linestyle() for c in axis.containers]
    markers = [c.lines[0].get_marker() for c in axis.containers]
    assert len(set(styles)) == len(set(markers)) == 3


def test_a_given_dash_stays_and_a_named_one_is_a_curve_each(axis, y):
    lines(axis, y.mean("seed"), "a", color="b", dash="--")
    assert {line.get_linestyle() for line in axis.get_lines()} == {"--"}
    axis.clear()
    lines(axis, y.mean("seed"), "a", dash="b", color="C3", label="dials")
    assert [line.get_linestyle() for line in axis.get_lines()] == list(DASHES[:3])
    assert axis.get_lines()[0].get_label() == "dials"


def test_a_line_may_have_the_marker_of_its_color(axis, y):
    lines(axis, y, "a", color="b", marks=True)
    assert [drawn.get_marker() for drawn in axis.get_lines()] == ["o", "s", "^"]


def test_shades_order_colors(axis, y):
    lines(axis, y.mean("seed"), "a", color="b", shades="viridis")
    found = [to_rgba(line.get_color()) for line in axis.get_lines()]
    assert found == [plt.colormaps["viridis"](v) for v in np.linspace(0, 0.9, 3)]
    assert {line.get_linestyle() for line in axis.get_lines()} == {"-"}


def test_every_seed_may_have_a_line(axis, y):
    lines(axis, y.isel(b=0), "a", each=True, label="runs")
    frame(axis)
    drawn = [line for line in axis.get_lines() if len(line.get_xdata())]
    assert len(drawn) == SEEDS and legend(axis) == ["runs"]


def test_points_are_hollow_on_broken_lines_and_have_bars_both_ways(axis, y):
    points(axis, y, 2 * y, color="b", dash="--")
    frame(axis)
    for i, container in enumerate(axis.containers):
        line, _, segments = container.lines
        assert line.get_markerfacecolor() == "w" and line.get_linestyle() == "None"
        assert line.get_xdata() == pytest.approx(2 * y[:, i].mean("seed").values)
        sd = y[:, i].std("seed", ddof=1)
        ends = np.array([s[1, 1] - s[0, 1] for s in segments[1].get_segments()])
        assert ends == pytest.approx(2 * sd.values)
        ends = np.array([s[1, 0] - s[0, 0] for s in segments[0].get_segments()])
        assert ends == pytest.approx(4 * sd.values)
    assert legend(axis) == ["± sd, 5 seeds"]


def test_values_without_seeds_have_no_bars(axis, y):
    points(axis, y.mean("seed"), "a", color="b", label="{b}", even=True)
    frame(axis)
    assert legend(axis) == ["0", "1", "2"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["1", "2", "4", "8"]


def test_bars_stand_side_by_side(axis, y):
    bars(axis, y, "a", color="b", label="{b}")
    frame(axis, legend=False)
    heights = [patch.get_height() for patch in axis.patches]
    assert heights == pytest.approx(y.mean("seed").values.T.ravel())
    assert axis.get_legend() is None


def test_cells_hold_means_where_the_labels_are(axis, y):
    image = cells(axis, y, "b", "a")
    drawn = np.asarray(image.get_array()).ravel()
    assert drawn == pytest.approx(y.mean("seed").values.ravel())
    assert [t.get_text() for t in axis.get_yticklabels()] == ["1", "2", "4", "8"]
    assert [t.get_text() for t in axis.get_xticklabels()] == ["0", "1", "2"]


def test_a_matrix_is_white_at_zero(axis):
    matrix(axis, np.eye(3), 2.0, "entry")
    assert axis.images[0].get_clim() == (-2, 2)


def test_densities_have_area_one_and_leave_out_what_is_nan(axis, y):
    edges = np.linspace(-3, 3, 13)
    density(axis, y.where(y.a > 1), edges, "b", label="b = {b}")
    frame(axis)
    for i, drawn in enumerate(axis.get_lines()):
        heights, _ = np.histogram(y[1:, i].values.ravel(), edges, density=True)
        assert drawn.get_ydata() == pytest.approx(heights)
        assert np.sum(drawn.get_ydata()) * 0.5 == pytest.approx(1)
        assert list(drawn.get_xdata()[:2]) == pytest.approx([-2.75, -2.25])
    assert legend(axis) == ["b = 0", "b = 1", "b = 2"]


def test_contours_pass_between_the_cells_on_both_sides(axis):
    labels = {"y": [1, 2, 3], "x": [10, 20, 30]}
    height = xr.DataArray([[0.0, 1.0, 2.0]] * 3, labels, ("y", "x"))
    contours(axis, height.transpose("x", "y"), "x", "y", 0.5, 1.5)
    paths = axis.collections[0].get_paths()
    for path, place in zip(paths, (1.0, 2.0), strict=True):  # cells are at .5, 1.5 …
        np.testing.assert_allclose(path.vertices[:, 0], place)
    assert len({str(style) for style in axis.collections[0].get_linestyles()}) == 2
    contours(axis, height.isel(y=[0]), "x", "y", 0.5)  # nothing lies beside a row
    assert len(axis.collections) == 1


def test_regions_have_the_color_of_their_point(axis):
    line = [0.0, 1.0]
    image = xr.DataArray([[0, 1], [-1, 1]], {"y": line, "x": line}, ("y", "x"))
    regions(axis, image, np.array([[0.0, 0.0], [1.0, 0.5]]))
    drawn = np.asarray(axis.collections[0].get_array())
    first, second = (to_rgba(dot.get_markerfacecolor()) for dot in axis.get_lines())
    np.testing.assert_allclose(drawn, [[first, second], [to_rgba("w"), second]])
    assert [text.get_text() for text in axis.texts] == ["1", "2"]


def test_images_stand_in_rows_and_columns_of_their_labels(axis):
    values = np.random.default_rng(0).random((4, 3, 2))
    labels = {"shown": ["x", "y", "z"], "stage": [0, 10]}
    pixels = xr.DataArray(values, labels, ("pixel", "shown", "stage"))
    images(axis, pixels, "stage", "shown")
    drawn = np.asarray(axis.images[0].get_array())
    assert drawn.shape == (4, 6)
    np.testing.assert_array_equal(drawn[2:, 4:].ravel(), values[:, 2, 1])  # row by row
    assert [t.get_text() for t in axis.get_xticklabels()] == ["x", "y", "z"]
    assert list(axis.get_xticks()) == [0.5, 2.5, 4.5]  # in the middle of each
    assert [t.get_text() for t in axis.get_yticklabels()] == ["0", "10"]


def test_a_network_has_its_edges_and_says_where_nodes_lie_together(axis):
    places = np.array([[0.0, 0.0], [1.0, 0.0], [1.0, 0.001], [0.0, 1.0]])
    walk = np.zeros((4, 4))
    walk[0, 1] = walk[3, 0] = 1.0  # an edge each way is one line
    network(axis, places, walk)
    drawn = {tuple(np.transpose(line.get_data()).ravel()) for line in axis.get_lines()}
    assert drawn == {(0, 0, 1, 0), (0, 0, 0, 1)}
    np.testing.assert_array_equal(axis.collections[0].get_offsets(), places)
    assert [text.get_text() for text in axis.texts] == ["2 nodes"]
    assert axis.texts[0].xy == (1, 0)


def test_a_level_and_a_key_are_in_the_legend(axis):
    level(axis, 0.5, "published")
    key(axis, "theory", "--")
    frame(axis)
    assert legend(axis) == ["published", "theory"]
    assert list(axis.get_lines()[0].get_ydata()) == [0.5, 0.5]


def test_keys_have_the_dashes_of_the_curves(axis, y):
    lines(axis, y.mean("seed"), "a", color="k", dash="b")
    dashes = [drawn.get_linestyle() for drawn in axis.get_lines()]
    keys(axis, "b is 0", "b is 1", "b is 2")
    frame(axis)
    assert [drawn.get_linestyle() for drawn in axis.get_lines()] == 2 * dashes
    assert legend(axis) == ["b is 0", "b is 1", "b is 2"]


def test_one_value_of_every_other_axis(y):
    found = one(y, "a")
    assert found.dims == ("a", "seed") and found.b.item() == 2
    assert filled("b {b}, p {p}", found) == "b 2, p 31"
    data = xr.Dataset({"status": y > 0, "y": y, "wide": ("row", np.arange(2))})
    assert dict(one(data, index=0).sizes) == {"seed": SEEDS, "row": 2}


def test_letters_of_a_mosaic_are_by_columns_and_rows():
    assert mosaic((3, 2), (1, 1)) == "abc;def|g"
    _, panel = panels(mosaic((2, 1), (3, 2)), (4, 3))
    assert "".join(panel) == "abcdefgh"


def test_panels_have_letters_and_rows():
    canvas, panel = panels("ab;cc|d", (6, 6))
    assert list(panel) == ["a", "b", "c", "d"]
    frame(panel["d"], "last")
    assert panel["d"].get_title(loc="left") == "(d) last"
    assert len(canvas.subfigs) == 2


def test_a_panel_for_which_nothing_was_run_says_so():
    canvas, panel = panels("abc", (6, 2))
    panel["a"].plot([1, 2])
    panel["b"].axis("off")
    canvas._repr_png_()
    said = [[text.get_text() for text in axis.texts] for axis in canvas.axes]
    assert said == [[], [], ["not run"]]


def test_panels_lay_themselves_out():
    canvas, panel = panels("ab", (7, 2.6))
    lines(panel["a"], xr.DataArray([1.0, 2.0], {"x": [0, 1]}), "x", label="a curve")
    frame(panel["a"], x="across", y="up", legend=BESIDE)
    frame(panel["b"], x="across", y="up")
    canvas.savefig(io.BytesIO())
    drawn = FigureCanvasAgg(canvas).get_renderer()
    boxes = [axis.get_tightbbox(drawn) for axis in panel.values()]
    assert boxes[0].x1 <= boxes[1].x0
    for box in boxes:
        assert min(box.x0, box.y0) >= 0 and box.x1 <= canvas.bbox.x1


@pytest.mark.parametrize("ends", [(2, 45), (6.2, 7.6), (130, 900), (0.003, 0.08)])
@pytest.mark.parametrize("along", ["x", "y"])
def test_labels_of_a_short_logarithmic_axis_are_apart(ends, along):
    canvas, panel = panels("abc", (6, 2))
    for axis in panel.values():
        axis.plot(ends, ends)
        axis.set(**{f"{along}scale": "log", f"{along}lim": ends})
    canvas.savefig(io.BytesIO())
    drawn = FigureCanvasAgg(canvas).get_renderer()
    side = getattr(panel["b"], f"{along}axis")
    named = [label for label in side.get_ticklabels(which="both") if label.get_text()]
    inside = [n for n in named if ends[0] <= float(n.get_text()) <= ends[1]]
    assert len(inside) > 1
    boxes = [label.get_window_extent(drawn) for label in inside]
    assert not any(one.overlaps(two) for one, two in itertools.pairwise(boxes))


def test_a_logarithmic_axis_names_no_more_than_fits():
    canvas, panel = panels("abc", (6, 2))
    values = np.geomspace(100, 400, 30).round()
    panel["a"].plot(values, values)
    log_ticks(panel["a"], values)
    canvas.savefig(io.BytesIO())
    shown = [float(t.get_text()) for t in panel["a"].get_xticklabels()]
    assert 1 < len(shown) < 10 and {*shown} <= {*values}


# --- the page of pictures -----------------------------------------------------------


DOCS = Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def page():
    spec = importlib.util.spec_from_file_location("panels", DOCS / "panels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_names_every_verb():
    text = (DOCS / "panels.md").read_text()
    for name, verb in inspect.getmembers(plots, inspect.isfunction):
        assert verb.__module__.startswith(f"{plots.__name__}."), name
        assert re.search(rf"`{name}\b", text), name


def test_the_code_on_the_page_runs_and_draws_what_it_shows(page, tmp_path):
    shown = re.findall(r"!\[.*?\]\((.*?)\)", (DOCS / "panels.md").read_text())
    assert shown == [f"panels/{verb}.png" for verb in page.blocks()]
    assert all(f"{verb}(" in code for verb, code in page.blocks().items())
    page.draw(tmp_path)
    for picture in shown:
        assert (DOCS / picture).stat().st_size < 25_000
        again = tmp_path / Path(picture).name
        assert plt.imread(DOCS / picture).shape == plt.imread(again).shape


@pytest.mark.parametrize("along", ["x", "y"])
def test_a_logarithmic_axis_names_what_it_is_given(axis, along):
    values = [50, 200, 0.5]
    axis.plot(values, values)
    log_ticks(axis, values, along)
    side = getattr(axis, f"{along}axis")
    assert side.get_scale() == "log"
    texts = [label.get_text() for label in side.get_ticklabels(which="both")]
    assert sorted(filter(None, texts)) == ["0.5", "200", "50"]
    other = {"x": axis.yaxis, "y": axis.xaxis}[along]
    assert other.get_scale() == "linear"


def test_a_logarithmic_axis_names_no_zero():
    canvas, panel = panels("a", (6, 3))
    panel["a"].plot([0, 1, 4], [1, 2, 3])
    log_ticks(panel["a"], np.array([0, 1, 4]))
    assert panel["a"].get_xticks() == [1, 4]
    canvas.savefig(io.BytesIO())

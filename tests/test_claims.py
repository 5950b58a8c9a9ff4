"""Claims: verdicts of means over seeds, tables, and what is wrong with one."""

import math
import types
from functools import partial

import numpy as np
import pytest
import scipy.stats
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

import memjax as mj
from memjax.claims import BadTable, check, table, totals
from memjax.claims.rows import COLUMNS, read
from memjax.engine.kept.files import load, save
from memjax.statistics import mean_interval

HEAD = ",".join(COLUMNS)


def claim(**cells):
    return mj.Claim("a", **{"published": 1.0, "measured": 1.0, "source": "s", **cells})


# --- verdicts -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "verdict"),
    [
        ((0.95, 1.05), "holds"),
        ((0.9, 1.1), "holds"),  # margins are closed
        ((0.89, 1.05), "inconclusive"),
        ((0.5, 2.0), "inconclusive"),
        ((1.1, 1.2), "inconclusive"),
        ((1.11, 1.2), "does NOT hold"),
        ((0.2, 0.89), "does NOT hold"),
    ],
)
def test_the_interval_of_a_mean_decides(interval, verdict):
    middle = sum(interval) / 2
    found = claim(measured=middle, mean_interval=interval, tolerance=0.1)
    assert found.verdict == verdict
    assert found.holds is {"holds": True, "does NOT hold": False}.get(verdict)
    assert found.record()["mean_interval"] == list(interval)
    assert found.record()["verdict"] == verdict


@given(st.floats(-2, 4), st.floats(0, 3), st.floats(0, 3), st.floats(0, 2))
def test_a_wider_spread_never_makes_a_claim_hold(mean, half, more, tolerance):
    def at(half):
        ends = (mean - half, mean + half)
        return claim(measured=mean, mean_interval=ends, tolerance=tolerance).verdict

    order = ["holds", "inconclusive"]
    if at(half) in order and at(half + more) in order:
        assert order.index(at(half)) <= order.index(at(half + more))
    if at(half) != "holds":
        assert at(half + more) != "holds"


def test_words_numbers_and_nothing_are_judged_as_they_are():
    assert claim(published="mixed", measured="mixed").verdict == "holds"
    assert claim(published="mixed", measured="geometric").verdict == "does NOT hold"
    assert claim(published=True, measured=0.0).verdict == "does NOT hold"
    assert claim(published=None).verdict == "reported"
    assert claim(published=None, interval=(0.5, math.inf)).verdict == "holds"
    assert claim(measured=None).verdict == "not shown"
    assert claim(measured=math.inf, tolerance=1.0).verdict == "does NOT hold"
    assert claim(published=0.8, measured=0.81, tolerance=0.01).verdict == "holds"


def over_seeds(values, **coords):
    return xr.DataArray(np.asarray(values), dims="seed", coords=coords)


def test_an_estimate_is_a_mean_with_its_interval_or_a_value():
    found = mj.estimate(over_seeds([1.0, 2.0, np.nan, 3.0]))
    assert found.value == 2 and found.seeds == 3  # what diverged is left out
    assert found.interval == pytest.approx(
        (2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5)
    )
    assert mj.estimate(over_seeds([1.0])) == (1.0, None, 1)
    assert mj.estimate(over_seeds([1.0, np.inf])) == (math.inf, None, 2)
    assert mj.estimate(over_seeds([True, True, False])).value == pytest.approx(2 / 3)
    assert mj.estimate(over_seeds(["a", "a"])).value == "a"
    assert mj.estimate(over_seeds(["a", "b"])).value == "a or b"
    assert mj.estimate(np.float32(3)) == (3.0, None, None)
    assert mj.estimate(mj.Estimate(1, (0, 2), 5)) == (1, (0, 2), 5)
    with pytest.raises(mj.NotRun, match="diverge"):
        mj.estimate(over_seeds([np.nan, np.nan]))
    with pytest.raises(mj.NotRun, match="one value of lr"):
        mj.estimate(xr.DataArray(np.zeros((2, 3)), dims=("lr", "seed")))


def test_late_means_are_over_the_last_quarter_and_leave_out_what_is_not_logged():
    step = {"step": [0, 10, 75, 100]}
    runs = xr.Dataset({"loss": ("step", [9.0, 5, 2, 1]), "end": 3.0}, step)
    late = mj.late(runs)
    assert list(late) == ["loss"] and float(late.loss) == 1.5


def test_the_decay_is_that_of_the_last_steps_that_are_known():
    step = np.array([0, 10, 30, 60, 100])
    falling = np.exp([0, -4, -4.2, -4.8, np.nan])  # from 10 to 60 by 0.8
    curve = xr.DataArray(falling, {"step": step}, "step")
    assert float(mj.decay(curve)) == pytest.approx(0.8 / 50)


def test_a_count_is_one_or_the_least_to_the_most():
    assert mj.least_to_most(np.array([2.0, 2, 2])) == 2
    assert mj.least_to_most(np.array([4.0, 2, 3])) == "2 to 4"


def test_over_asks_for_every_label():
    found = xr.DataArray([[1.0, 5.0], [3.0, 2.0]], {"kind": ["a", "b"], "seed": [0, 1]})
    assert mj.over("max", found, kind=("a", "b")).values.tolist() == [3, 5]
    assert mj.over("min", found, kind=("a", "b")).values.tolist() == [1, 2]
    with pytest.raises(mj.NotRun, match="kind c"):
        mj.over("max", found, kind=("a", "c"))


def test_the_first_step_at_a_level():
    values = [[0.1, 0.6, 0.2, 0.9], [0.1, 0.2, 0.3, 0.4]]
    found = xr.DataArray(values, {"seed": [0, 1], "step": [0, 10, 20, 40]})
    assert mj.first_step(found, 0.5).values.tolist() == [10, np.inf]
    assert mj.first_step(found, 0.4).values.tolist() == [10, 40]


def test_medians_have_an_interval_of_ranks():
    found = mj.claims.median(xr.DataArray(np.arange(20.0)[::-1], dims="seed"))
    assert found.value == 9.5
    assert found.interval == (5, 14)  # the 6th and the 15th
    with pytest.raises(mj.NotRun):
        mj.claims.median(xr.DataArray(np.arange(5.0), dims="seed"))


def test_the_farthest_mean_is_known_for_all_places_at_once():
    draw, places, seeds = np.random.default_rng(0), 10, 8
    values = draw.normal(0.5, 0.2, (places, seeds))
    runs = xr.DataArray(values, dims=("a", "seed"), coords={"a": np.arange(places)})
    exact = xr.DataArray(np.full(3, 0.5), dims="a", coords={"a": [0, 5, 9]})
    found = mj.farthest(runs, exact, 0.1)
    error = scipy.stats.sem(values, axis=1)
    half = scipy.stats.t.ppf(1 - 0.025 / places, seeds - 1) * error
    away = abs(values.mean(1) - 0.5)
    assert found.value == pytest.approx((away / 0.1).max())
    assert found.interval[1] == pytest.approx(((away + half) / 0.1).max())
    assert found.interval[0] == pytest.approx(max(0, ((away - half) / 0.1).max()))
    with pytest.raises(mj.NotRun, match="two seeds"):
        mj.farthest(runs.isel(seed=[0]), exact)


def test_a_vertex_is_found_among_noisy_values():
    x = np.array([1.0, 2.2, 5.0])
    noise = np.random.default_rng(0).normal(0, 1e-3, (3, 200))
    values = 0.2 + 0.01 * np.log(x / 2)[:, None] ** 2 + noise
    found = mj.vertex(x, values)
    assert found.interval[0] < 2 < found.interval[1] < 2.1
    assert mj.vertex(x, -values).value == np.inf  # none of them is least
    assert mj.vertex(x, values[:, :1]).interval is None


def test_measures_of_any_table():
    values = np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 9.0]])  # [a, seed]
    runs = xr.Dataset({"error": (("a", "seed"), values)}, {"a": [0.1, 1.0]})
    exact = xr.Dataset({"error": ("a", [1.0, 4.0])}, {"a": [0.1, 1.0]})
    results = {"main": runs, "theory": exact}
    grown = mj.change(results, "main", "error", "a", "0.1", "1")
    np.testing.assert_array_equal(grown, [1, 2, 6])
    words = runs.assign_coords(a=["low", "high"])
    grown = mj.change({"main": words}, "main", "error", "a", "high", "low")
    np.testing.assert_array_equal(grown, [-1, -2, -6])
    assert mj.away(results, "main", "theory", "error", "0.5").value == 2
    at = {"main": runs.expand_dims({"dim": [50, 200]}), "theory": exact}
    assert mj.away(at, "main", "theory", "error", "0.5", "dim", "200").value == 2
    with pytest.raises(mj.NotRun, match="dim 100"):
        mj.away(at, "main", "theory", "error", "0.5", "dim", "100")


def test_the_extreme_is_over_axes_or_over_everything():
    values = np.array([[1.0, 2.0, 9.0], [5.0, 4.0, 3.0], [7.0, 0.0, np.nan]])
    labels = {"kind": ["a", "b", "c"], "seed": [0, 1, 2]}
    runs = xr.DataArray(values, labels, ("kind", "seed"))
    results = {"main": xr.Dataset({"error": runs}).assign_coords(lr=0.1)}
    of = partial(mj.extreme, results)
    np.testing.assert_array_equal(of("max", "main", "error", "kind:a,b"), [5, 4, 9])
    np.testing.assert_array_equal(of("min", "main", "error", "kind"), [1, 0, np.nan])
    np.testing.assert_array_equal(of("max", "main", "error", "seed"), [9, 5, np.nan])
    np.testing.assert_array_equal(of("min", "main", "error", "lr"), values)  # one lr
    assert of("min", "main", "error", "kind:b,a", "seed") == 1
    assert np.isnan(of("min", "main", "error"))
    with pytest.raises(mj.NotRun, match="kind d"):
        of("max", "main", "error", "kind:a,d")
    with pytest.raises(KeyError, match="no label knid"):
        of("max", "main", "error", "knid")


def test_the_least_is_where_the_mean_over_seeds_is():
    values = np.array([[[1.0, 5.0], [2.0, 2.0]], [[9.0, 0.0], [4.0, 6.0]]])
    labels = {"kind": ["a", "b"], "lam": [0.1, 1.0], "seed": [0, 1]}
    runs = xr.Dataset({"error": (tuple(labels), values)}, labels)
    found = mj.least({"main": runs}, "main", "error", "lam")
    np.testing.assert_array_equal(found, [[2, 2], [9, 0]])  # not the least of each seed
    assert found.lam.values.tolist() == [1.0, 0.1]


def test_averages_are_over_the_last_quarter():
    curve = xr.Dataset({"loss": ("step", [4.0, 3.0, 2.0, 5.0, 7.0])})
    runs = curve.assign_coords(step=[0, 10, 50, 75, 100], p=31)
    found = mj.averaged({"main": runs}, "main", "loss")
    assert found == 6 and found.p == 31


def test_a_level_is_reached_or_never():
    curves = np.array([[0.0, 0.5, 1.0], [0.0, 0.2, 0.4]])
    runs = xr.Dataset({"accuracy": (("seed", "step"), curves)}, {"step": [0, 5, 10]})
    found = mj.reached({"main": runs}, "main", "accuracy", "0.5")
    np.testing.assert_array_equal(found, [5, np.inf])


# --- labels -------------------------------------------------------------------------


def run(size, lr, seed, *, kind, width=3):
    noise = 0.1 * jax_normal(seed)
    return {"accuracy": 0.5 + lr * size + 0 * noise, "own": lr + noise}


def jax_normal(seed):
    import jax

    return jax.random.normal(jax.random.key(seed))


MAIN = mj.Sweep(run, size=[1, 2], lr=[0.1, 0.2], seed=range(4), kind=["a", "b"])


@pytest.fixture(scope="module")
def results():
    paper = MAIN.but(seed=0, size=(1,), kind="a")
    return {"main": MAIN.compute(), "paper": paper.compute()}


def test_what_is_fixed_survives_save_and_load(results, tmp_path):
    save(results, tmp_path / "results.nc")
    back = load(tmp_path / "results.nc")
    assert back["paper"].seed.item() == 0 and back["paper"].kind.item() == "a"
    for name, dataset in results.items():
        assert back[name].identical(dataset)
        assert back[name].width.item() == 3


def test_labels_are_those_of_axes_and_of_what_is_fixed(results):
    found = mj.at(results["main"], size=2, lr=0.2, kind="b", width=3)
    assert found.accuracy.dims == ("seed",)
    assert found.accuracy.values == pytest.approx(0.9)
    with pytest.raises(mj.NotRun, match=r"^size 7, lr 0\.3, width 4$"):
        mj.at(results["main"], size=7, lr=0.3, width=4, kind="a")
    with pytest.raises(KeyError, match="no label sise"):
        mj.at(results["main"], sise=1)
    with pytest.raises(mj.NotRun, match="kind c"):
        mj.at(results["main"], kind="c")


# --- tables -------------------------------------------------------------------------


def gain(results, sweep, factor="1"):
    return float(factor) * (results[sweep].accuracy - results[sweep].own)


def exact(results):
    return 0.5 + 0.2


def if_small(results):
    if results["main"].own.max() > 1e-3:
        raise mj.NotRun("longer runs")
    return results["main"].accuracy


def spread_of_kind(results):
    return mj.at(results["main"], kind="c").own


MEASURES = (gain, exact, spread_of_kind)


def made(folder, lines):
    (folder / "published").mkdir(exist_ok=True)
    file = folder / "published" / "mine.csv"
    file.write_text("\n".join([HEAD, *lines]) + "\n", encoding="utf-8")
    return folder / "mine.py"


LINES = [
    "acc,published,0.70,0.005,main.accuracy,size=1 lr=0.2 kind=a,A 2020,a margin",
    "printed,,0.70,digits,paper.accuracy,…,,rounding",
    "acc twice,,0.9,0.02,main.accuracy,… size=2,,",
    "own,derived,0.1,0.5/width,main.own,size=1 lr=0.1 kind=a,a form,of its width",
    "gain,ours,,… 0.9,gain main,size=1 lr=0.1 kind=a,ours: a bound,a guess",
    "gain twice,,=gain main,0.01 + exact,gain main 2,…,,a sum",
    "told,,,,main.own,size=1 lr=0.1 kind=a,,-",
    "one run,,0.1,9,paper.own,size=1 lr=0.1,,-some",
    "equal,,=exact,,exact,,,",
    "far,,1,0.1,main.own,size=9 lr=0.1 kind=c width=8,,",
    "off,,1,0.1,theory.own,,,",
    "by hand,,,0 …,spread_of_kind,size=1,,",
]


def test_a_table_is_judged(tmp_path, results):
    found = {c.name: c for c in mj.judged(made(tmp_path, LINES), results, *MEASURES)}
    assert [c.kind[0] for c in found.values()] == ["p", "p", "p", "d", *"o" * 8]
    assert found["printed"].tolerance == pytest.approx(0.005)
    assert found["printed"].verdict == "holds"
    assert found["acc"].tolerance == pytest.approx(0.005)
    assert found["acc"].verdict == found["acc twice"].verdict == "holds"
    assert found["acc twice"].measured == pytest.approx(0.9)
    own = results["main"].own.sel(size=1, lr=0.1, kind="a").values
    assert found["own"].tolerance == pytest.approx(0.5 / 3)
    assert found["own"].mean_interval == pytest.approx(mean_interval(own))
    assert found["own"].seeds == 4
    assert found["gain"].interval == (-math.inf, 0.9)
    both = found["gain twice"]
    assert both.tolerance == pytest.approx(0.71)
    assert both.measured == pytest.approx(2 * both.published)
    assert found["told"].verdict == "reported" and found["told"].reason == ""
    assert found["one run"].verdict == "holds"  # without seeds: a value
    assert found["one run"].mean_interval is None
    assert found["equal"].verdict == "holds"
    assert found["far"].needs == "size 9, kind c, width 8"
    assert found["off"].needs == "the sweep theory"
    assert found["by hand"].needs == "kind c"
    assert found["acc twice"].source == "A 2020"


def test_a_difference_is_taken_seed_by_seed_at_labels_of_its_own(tmp_path, results):
    lines = [
        "rate,ours,0.1,0.01,main.own lr=0.2 - main.own lr=0.1,size=1 kind=a,s,r",
        "sweeps,,0.2,0.01,main.accuracy size=2 - paper.accuracy,lr=0.2 kind=a,,",
        "measures,,,,gain main kind=a - gain main 2 kind=b,size=1 lr=0.1,,",
        "far,,,,main.own lr=0.2 - main.own lr=0.3,size=1 kind=a,,",
    ]
    found = {c.name: c for c in mj.judged(made(tmp_path, lines), results, gain)}
    assert found["rate"].measured == pytest.approx(0.1, abs=1e-6)
    assert found["rate"].mean_interval == pytest.approx((0.1, 0.1), abs=1e-6)
    assert found["rate"].seeds == 4 and found["rate"].verdict == "holds"
    assert found["sweeps"].measured == pytest.approx(0.9 - 0.7)
    mine = gain(results, "main").sel(size=1, lr=0.1)
    expected = (mine.sel(kind="a") - 2 * mine.sel(kind="b")).mean()
    assert found["measures"].measured == pytest.approx(float(expected))
    assert found["far"].needs == "lr 0.3"


def test_one_seed_is_not_a_mean(tmp_path, results):
    few = {"main": results["main"].isel(seed=[0])}
    found = {c.name: c for c in mj.judged(made(tmp_path, LINES), few, *MEASURES)}
    assert found["acc"].needs == "two seeds or more (--seeds=2)"
    assert found["acc"].verdict == "not shown"
    assert found["far"].needs == "size 9, kind c, width 8"
    assert found["told"].verdict == "reported"


def test_one_seed_that_did_not_diverge_is_told_from_one_that_was_asked(
    tmp_path, results
):
    main = results["main"][["accuracy"]].where(results["main"].seed < 1)
    (found,) = mj.judged(made(tmp_path, LINES[:1]), {"main": main}, gain)
    assert found.needs == "two seeds that do not diverge, of 4 here"


def test_a_margin_for_so_many_seeds_needs_them(tmp_path, results):
    line = "acc,ours,0.70,0.5,main.accuracy,size=1 lr=0.2 kind=a seeds={},s,r"
    four, five = (line.format(n) for n in (4, 5))
    (found,) = mj.judged(made(tmp_path, [four]), results)
    assert found.verdict == "holds"
    (found,) = mj.judged(made(tmp_path, [five]), results)
    assert found.needs == "5 seeds that do not diverge (--seeds=5)"
    for wrong in (line.format("many"), four.replace("main", "paper")):
        with pytest.raises(BadTable, match="for a mean over seeds"):
            mj.judged(made(tmp_path, [wrong]), results)


def test_half_a_digit_is_not_a_margin_for_a_mean(tmp_path, results):
    line = "acc,published,0.70,digits,main.accuracy,size=1 lr=0.2 kind=a,A 2020,r"
    with pytest.raises(BadTable, match=r"mine\.csv:2: half a digit"):
        mj.judged(made(tmp_path, [line]), results)


def test_half_a_digit_follows_what_is_printed(tmp_path):
    printed = {"0.1867": 5e-5, "3200": 0.5, "1.50": 5e-3, "2.5e-3": 5e-5, ".84": 5e-3}
    lines = [f"{t},ours,{t},digits,main.own,,s,r" for t in printed]
    made(tmp_path, lines)
    for row in read(tmp_path / "published" / "mine.csv"):
        assert row.terms[0].above == pytest.approx(printed[row.claim])


def test_the_table_as_text(tmp_path, results):
    found = mj.judged(made(tmp_path, LINES), results, *MEASURES)
    text = table(found).splitlines()
    assert max(map(len, text)) <= 100
    assert [line for line in text if line.startswith(("published:", "ours:"))]
    assert "far not shown: needs size 9, kind c, width 8" in text
    last = next(i for i, line in enumerate(text) if line.startswith("published 3"))
    assert " ".join(map(str.strip, text[last:])) == totals(found)
    assert totals(found).startswith("published 3 of 3 hold, derived ")
    assert totals(found).endswith("3 not shown) and 1 reported")


def test_totals_count_what_was_not_shown_among_all():
    rows = [
        claim(kind="published"),
        claim(kind="published", measured=2.0),
        claim(kind="published", mean_interval=(0, 9)),
        claim(kind="published", measured=None),
        claim(kind="derived"),
        claim(published=None),
    ]
    expected = (
        "published 1 of 4 hold (1 inconclusive, 1 not shown), derived 1 of 1 hold, "
        "ours 1 reported"
    )
    assert totals(rows) == expected


def test_where_nothing_was_judged_nothing_is_said_to_fail():
    rows = [claim(kind="published", measured=None), claim(measured=None)]
    assert totals(rows) == "published 1 not judged, ours 1 not judged"
    assert "verdict" not in table(rows)
    assert totals([*rows, claim()]).endswith("ours 1 of 2 hold (1 not shown)")


def test_what_stands_after_a_mean_is_explained():
    told = "measured ±: half the 95 % interval of a mean over seeds"
    assert told not in table([claim()])
    assert told in table([claim(mean_interval=(0, 2))]).splitlines()


def test_long_words_are_wrapped_and_needs_collapse():
    rows = [claim()._replace(name="a long claim " * 12)]
    rows += [claim(measured=None, needs="p 31")._replace(name=str(i)) for i in range(5)]
    text = table(rows)
    assert max(map(len, text.splitlines())) <= 100
    assert "5 claims not shown: need p 31" in text


WRONG = {
    "kind": ("a,mine,1,,main.own,,s,", "kind is published, derived, ours"),
    "new kind": (
        "a,published,1,,main.own,,s,\nb,ours,1,,main.own,,,",
        "whose the ours",
    ),
    "no source": ("a,ours,1,,main.own,,,", "needs a source"),
    "no reason": ("a,ours,1,0.1,main.own,,s,", "needs a reason"),
    "sd": ("a,ours,1,0.1 + 3 sd,main.own,,s,r", "a wider spread"),
    "se": ("a,ours,1,4 se,main.own,,s,r", "a wider spread"),
    "infinite": ("a,ours,1,inf,main.own,,s,r", "finite"),
    "zero": ("a,ours,1,0,main.own,,s,r", "above 0"),
    "empty": ("a,ours,1,2 … 1,main.own,,s,r", "is empty"),
    "no end": ("a,ours,1,…,main.own,,s,r", "needs an end"),
    "digits": ("a,ours,mixed,digits,main.own,,s,r", "digits are those of a number"),
    "of nothing": ("a,ours,,0.1,main.own,,s,r", "nothing is published"),
    "wide": ("a,ours,0.5,0.3 + 0.2,main.accuracy,,s,r", "no accuracy could miss"),
    "vacuous": ("a,ours,0.5,0 … 1,main.accuracy,,s,r", "no accuracy could miss"),
    "outside": ("a,ours,2,0 … 1,main.own,,s,r", "published value is not within"),
    "label": ("a,ours,1,,main.own,size,s,", "name=value"),
    "cells": ("a,ours,1,,main.own,size=1,s", "needs 8 cells"),
    "comma": ("a,b,ours,1,,main.own,size=1,s,r", "needs 8 cells"),
    "twice": ("a,ours,1,,main.own,,s,\na,ours,1,,main.own,,s,", "a claim a above"),
    "two differences": ("a,ours,1,,main.a - main.b - main.c,,s,", "this - that"),
    "no difference": ("a,ours,1,,main.a -,,s,", "this - that"),
    "label of its own": ("a,ours,1,,main.own size=,,s,", "name=value"),
    "nothing of": ("a,ours,1,,,,s,", "what it is of"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_line_that_cannot_be_read_is_named(case, tmp_path):
    line, problem = WRONG[case]
    made(tmp_path, [line])
    last = 2 + line.count("\n")
    with pytest.raises(BadTable, match=rf"^mine\.csv:{last}: .*{problem}"):
        read(tmp_path / "published" / "mine.csv")


def test_the_columns_are_those():
    assert HEAD == "claim,kind,published,within,of,at,source,reason"


# --- tables against sweeps ----------------------------------------------------------


def module_of(folder, lines):
    file = made(folder, lines)
    module = types.ModuleType("mine")
    module.__file__ = str(file)
    module.claims = lambda results: mj.judged(file, results, *MEASURES)
    return module


SWEEPS = {"main": MAIN, "paper": MAIN.but(seed=0, size=(1,), kind="a"), "off": None}


def test_a_table_that_fits_its_sweeps_is_checked(tmp_path):
    fits = [line for line in LINES if not line.startswith("off")]
    check(module_of(tmp_path, fits), SWEEPS)


MISSPELLED = {
    "a word for a number": (
        "a,ours,half,,gain main,kind=a lr=0.1 size=1,s,",
        "number, yes or no",
    ),
    "sweep": ("a,ours,1,,mian.own,,s,", "there is no sweep mian"),
    "quantity": ("a,ours,1,,main.onw,,s,", "onw"),
    "measure": ("a,ours,1,,gian main,,s,", "there is no measure gian"),
    "words": ("a,ours,1,,gain,,s,", "sweep"),
    "quantity taken away": ("a,ours,1,,main.own - main.onw,,s,", "onw"),
    "measure taken away": ("a,ours,1,,main.own - gian main,,s,", "no measure gian"),
    "label taken at": ("a,ours,1,,main.own - main.own sise=1,,s,", "no label sise"),
    "sweep of a measure": ("a,ours,1,,gain mian,,s,", "there is no sweep mian"),
    "label": ("a,ours,1,,main.own,sise=1,s,", "there is no label sise"),
    "label of a measure": ("a,ours,1,,gain main,sise=1,s,", "no label sise"),
    "label within": ("a,ours,1,1/dmi,paper.own,lr=0.1,s,r", "no one label dmi"),
    "measure within": ("a,ours,1,exakt,paper.own,lr=0.1,s,r", "no measure exakt"),
    "published": ("a,ours,=exakt,1,paper.own,lr=0.1,s,r", "no measure exakt"),
}


@pytest.mark.parametrize("case", MISSPELLED)
def test_a_misspelled_name_is_an_error_with_its_line(case, tmp_path):
    line, problem = MISSPELLED[case]
    with pytest.raises(BadTable, match=rf"(?m)^mine\.csv:2: .*{problem}"):
        check(module_of(tmp_path, [line]), SWEEPS)


def test_a_measure_that_asks_for_small_numbers_is_tried_too(tmp_path):
    module = module_of(tmp_path, ["a,ours,,,if_small,sise=1,s,"])
    module.claims = lambda results: mj.judged(module.__file__, results, if_small)
    with pytest.raises(
        BadTable, match=r"mine\.csv:2: if_small: there is no label sise"
    ):
        check(module, SWEEPS)


def test_a_measure_that_no_line_is_of_is_an_error(tmp_path):
    with pytest.raises(BadTable, match="no line is of the measure gain"):
        check(module_of(tmp_path, ["a,ours,=exact,,exact,,s,"]), SWEEPS)
    both = "a,ours,,,gain main kind=a lr=0.1 size=1 - exact,,s,"
    with pytest.raises(BadTable, match=r"sweeps:\n.*measure spread_of_kind$"):
        check(module_of(tmp_path, [both]), SWEEPS)


def test_made_up_results_have_the_form_of_the_real_ones(results):
    made_up = MAIN.made_up()
    real = results["main"]
    assert made_up.sizes == real.sizes
    assert set(made_up.variables) == set(real.variables)
    assert {n: v.dtype for n, v in made_up.items()} == {
        n: v.dtype for n, v in real.items()
    }
    for name in real.coords:
        assert made_up[name].equals(real[name])

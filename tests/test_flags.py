"""Flags from the signature of `sweeps`: what they say, mean, and refuse."""

import importlib
import random
import re
import textwrap
import types

import numpy as np
import pytest

import experiments
import memjax as mj
from memjax.cli import flags
from memjax.cli.comments import parameter_help
from memjax.cli.launch import command
from memjax.cli.named import names as names_of
from memjax.engine.asked.grid import MOST_RUNS

OWN = '''
def run(a, seed, size, *, capacity, kind):
    return {"b": a * seed * size}


def sweeps(
    a=(1.0, 2.0),  # what is multiplied; see above
    kind=("x", "y"),  # kinds,
    # each a program of its own
    size=(3,),
    seeds=4,  # how many seeds, or which ones (3,7)
    shift=0.0,  # a number with # in its help
    text="a # b",  # a word
):
    """size: told in the docstring,
      and here
    a: not this
    """
    seeds = mj.seeds(seeds)
    mj.between(0, 10, a=a)
    mj.one_of(("x", "y"), kind=kind)
    return {"main": mj.Sweep(run, a=a, kind=kind, size=size, seed=seeds), "no": None}
'''


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flags")
    text = "import memjax as mj\nfigure = claims = print\n" + textwrap.dedent(OWN)
    (folder / "flagged.py").write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield importlib.import_module("flagged")


def seeds_of(module, *argv):
    sweeps = flags.stated(module, flags.parse(module, ["mine", *argv]))
    return sweeps["main"].grid.axes["seed"]["seed"]


def test_help_stands_beside_a_parameter_or_in_the_docstring(mine):
    told = parameter_help(mine)
    assert told == {
        "a": "what is multiplied; see above",
        "kind": "kinds, each a program of its own",
        "size": "told in the docstring, and here",
        "seeds": "how many seeds, or which ones (3,7)",
        "shift": "a number with # in its help",
        "text": "a word",
    }
    shown = flags.help_text(mine, "mine")
    assert "--seeds=4\n      how many seeds" in shown
    assert "--kind=x,y\n      kinds, each" in shown


@pytest.mark.parametrize("name", names_of(experiments))
def test_no_flag_of_an_experiment_is_without_help(name):
    module = importlib.import_module(f"experiments.{name}")
    values, told = flags.define(module), parameter_help(module)
    bare = [n for n in flags.config(module, values) if len(told.get(n, "")) < 3]
    assert not bare
    assert not [
        n for n, text in told.items() if re.search(r"\bthere$|^there\b(?! are)", text)
    ]


@pytest.mark.parametrize(
    ("argv", "seeds"),
    [
        ([], (0, 1, 2, 3)),
        (["--seeds=2"], (0, 1)),
        (["--seeds=3,"], (3,)),
        (["--seeds=3,7"], (3, 7)),
        (["--seeds=1"], (0,)),
    ],
)
def test_a_count_of_seeds_is_so_many_seeds(mine, argv, seeds):
    assert seeds_of(mine, *argv) == seeds
    values = flags.parse(mine, ["mine", *argv])
    again = flags.as_text(mine, values).splitlines()
    assert seeds_of(mine, *again) == seeds  # from a flags.txt


def test_a_count_of_seeds_is_so_many_seeds_from_python(mine):
    assert mine.sweeps(seeds=2)["main"].grid.axes["seed"] == {"seed": (0, 1)}
    assert mine.sweeps(seeds=(2,))["main"].grid.axes["seed"] == {"seed": (2,)}
    assert mine.sweeps(seeds=range(5, 7))["main"].grid.axes["seed"] == {"seed": (5, 6)}
    with pytest.raises(mj.BadValue, match="at least one seed"):
        mj.seeds(0)


def test_a_sweep_that_is_none_is_not_stated(mine):
    assert list(flags.stated(mine, flags.define(mine))) == ["main"]


@pytest.mark.parametrize(
    ("flag", "problem"),
    [
        ("--seeds=1e18", "--seeds: does not fit 32 bits"),
        ("--seeds=2e6", "--seeds: 2000000 values are more than"),
        ("--a=lin:0:1:1e9", "--a: 1000000000 values are more than"),
        ("--a=1:2:1e18", "--a: does not fit 32 bits"),
        ("--a=11", "--a: must lie between 0 and 10, got 11"),
        ("--a=[(1,2)]", "--a: "),
        ("--kind=z", "--kind: must be one of x, y, not z"),
        ("--kind=[1]", "--kind: is not a list"),
        ("--a=" + "[" * 9999, "--a: is not a list"),
        ("--a=[1e999]", "--a: is not a list"),
        ("--shift=3,4", "--shift: takes one value, got 3,4; the default of an axis"),
        ("--a", "--a: needs a value: --name=value"),
        ("--shift=1e999", "--shift: needs a finite number"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(mine, flag, problem, capsys):
    assert command(mine, ["mine", flag]) == 1
    out, err = capsys.readouterr()
    assert err.startswith(f"error: {problem}") and err.count("\n") == 1 and not out
    assert len(err) < 200


def test_what_an_experiment_cannot_take_is_refused_in_a_line(capsys):
    def sweeps(a=(1,), b=2):
        return {"main": a[0] % b}

    module = types.ModuleType("broken")
    module.__file__ = "broken.py"
    module.sweeps, module.figure, module.claims = sweeps, print, print
    assert command(module, ["broken", "--b=0"]) == 1
    assert "error: --b: " in (problem := capsys.readouterr().err)
    assert "ZeroDivisionError, sweeps:" in problem
    module.sweeps = lambda a=(): {"main": a[0]}
    with pytest.raises(IndexError):  # by default it is the author's business
        flags.stated(module, flags.define(module))


# --- a fuzz -------------------------------------------------------------------------

WORDS = [
    *"1e18 -1 0 -0 1 2 8 100 1e5 1e308 1e-400 0.5 nan inf 1e999 0x10 1_0 é".split(),
    *", 1,,2 3, 0.1,0.2 1e-3 relu True false -- = a=b : lin: ::: 1:2:3:4".split(),
    *"1:2:3 1:0:5 lin:0:1:1e18 1:1e9:1e9 lin:1:1:1 log:1:10:3".split(),
    *"lin:-1e308:1e308:3 1:1e308:4 [ [(1,2)] [()] [{}] [(3,3)] [1e999]".split(),
    *"[nan] ['a'] [b'x'] [None] [1,[2]] [1,2] cycle: grid:0:0 path:3".split(),
    *("", " ", "[" * 5000, "9" * 400, "[" + "1," * 5000 + "]", "\0"),
]
LINES = 300


def lines_of_nonsense():
    """Command lines of experiments, their number whatever experiments there are."""
    draw = random.Random(0)
    for _ in range(LINES):
        name = draw.choice(names_of(experiments))
        module = importlib.import_module(f"experiments.{name}")
        known = list(flags.config(module, flags.define(module)))
        count = draw.choice((1, 1, 2, 3))
        told = [f"--{draw.choice(known)}={draw.choice(WORDS)}" for _ in range(count)]
        yield module, [name, *told]


def test_nonsense_is_refused_and_never_a_traceback():
    refused = 0
    for module, argv in lines_of_nonsense():
        try:
            sweeps = flags.stated(module, flags.parse(module, argv))
        except mj.BadValue as error:
            assert error.problem
            refused += 1
        else:
            assert all(len(sweep) <= MOST_RUNS for sweep in sweeps.values())
    assert LINES // 2 < refused < LINES


# --- sweeps like another ------------------------------------------------------------


def trained(size, lr, seed, *, capacity, width=4):
    return {"rows": size * lr * capacity}


def solved(size, seed, *, capacity):
    return {"rows": size * capacity}


BASE = mj.Sweep(trained, size=[2, 8], lr=[0.1, 0.2], seed=range(3))


def test_the_same_grid_with_other_values():
    other = BASE.but(lr=0.3, width=(4, 8))
    assert list(other.grid.axes) == ["size", "seed", "width"]
    assert other.grid.fixed == {"lr": 0.3, "capacity": 8}
    assert BASE.but().grid == BASE.grid
    assert list(BASE.but(size=[4, 8]).grid.axes) == ["size", "lr", "seed"]


def test_what_another_run_does_not_take_is_left_out():
    other = BASE.but(solved, seed=(7,))
    assert other.run is solved
    assert list(other.grid.axes) == ["size", "seed"]
    with pytest.raises(mj.BadValue, match="lr: solved has no such parameter"):
        BASE.but(solved, lr=0.3)


def test_a_bound_is_inferred_anew_or_refused():
    assert BASE.but(size=(16,)).grid.fixed["capacity"] == 16
    given = BASE.but(capacity=9)
    assert given.but(lr=1.0).grid.fixed["capacity"] == 9
    with pytest.raises(mj.BadValue, match="capacity: 9 has no room for size 16"):
        given.but(size=(16,))


def test_zipped_axes_inputs_and_precision_are_kept_or_replaced():
    tied = mj.Sweep(trained, mj.zipped(size=[2, 8], lr=[0.1, 0.2]), seed=0, capacity=8)
    assert tied.but(seed=1).grid.axes == tied.grid.axes
    assert list(tied.but(lr=1.0).grid.axes) == ["size"]
    other = tied.but(None, mj.zipped(lr=[1.0, 2.0], width=[3, 5]), float64=True)
    assert list(other.grid.axes) == ["size", "lr"]
    assert (
        other.float64 and other.but().float64 and not other.but(float64=False).float64
    )

    def fed(x, seed):
        return {"y": x.sum() + seed}

    fed_by = mj.Sweep(fed, inputs={"x": np.arange(3.0)}, seed=[1])
    assert fed_by.but(seed=[2, 3]).inputs == fed_by.inputs
    assert fed_by.but(inputs={"x": np.zeros(3)}).compute().y.item() == 1


@pytest.mark.parametrize(
    ("check", "problem"),
    [
        (lambda: mj.between(0, 1, share=(0.0, 1.0, 1.5)), "share: .*0 and 1, got 1.5"),
        (lambda: mj.inside(0, 1, share=1), "share: must be above 0 and below 1, got 1"),
        (lambda: mj.inside(0, np.inf, lr=[0.0]), "lr: must be above 0, got 0.0"),
        (lambda: mj.between(0, np.inf, p=float("nan")), "p: .*nan"),
        (lambda: mj.one_of(("a", "b"), kind=("a", "c")), "kind: .*a, b, not c"),
    ],
)
def test_checks_refuse(check, problem):
    with pytest.raises(mj.BadValue, match=problem):
        check()


def test_checks_let_pass_what_is_right():
    mj.between(0, 1, share=(0.0, 1.0), other=0)
    mj.inside(0, np.inf, lr=(1e-3,), wd=range(1, 3))
    mj.one_of(("a", "b"), kind="a", others=("b", "a"))


def test_a_grid_too_large_to_list_is_refused():
    with pytest.raises(mj.BadValue, match="runs is more than"):
        mj.Sweep(trained, size=range(1, 10**5), lr=0.1, seed=range(10**6))


def test_what_a_parser_refuses_is_a_bad_value_of_its_flag():
    assert mj.parsed(int, size=("3", "4")) == [3, 4]
    with pytest.raises(mj.BadValue, match=r"size: invalid .* 'x'") as refused:
        mj.parsed(int, size=("3", "x"))
    assert refused.value.name == "size"


def test_a_finer_axis_holds_the_values_and_a_geometric_line():
    line = mj.finely((4.0, 1.0, 3.0), count=5)
    expected = [1, 2**0.5, 2, 2 * 2**0.5, 3, 4]
    assert line == pytest.approx(sorted(expected))
    assert {1.0, 3.0, 4.0} < set(line)  # as they were given, so that labels agree
    assert len(mj.finely((0.5, 7.0))) == 60

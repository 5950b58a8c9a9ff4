"""Records of experiments, the list that shows them, and the README that does."""

import importlib
import json
import math
import re
import sys
from pathlib import Path

import pytest

import experiments as ours
import memjax as mj
from memjax.claims import held, scoreboard, table
from memjax.cli import catalogue
from memjax.cli.named import names
from memjax.cli.records import claims_in, recorded

README = (Path(__file__).parents[1] / "README.md").read_text()
OWN = '''
"""Doubling doubles.

Command: python -m mine.doubling
"""
import memjax as mj
from matplotlib.figure import Figure


def run(a, seed):
    return {"twice": 2 * a + 0 * seed, "noisy": a + seed}


def sweeps(
    a=(1.0, 2.0),  # what to double
    seeds=3,  # how many seeds, or which ones (3,7)
    also=True,  # also a sweep of one run
):
    seeds = mj.seeds(seeds)
    main = mj.Sweep(run, a=a, seed=seeds)
    return {"main": main, "also": main.but(a=(7.0,), seed=0) if also else None}


def figure(results):
    canvas = Figure()
    canvas.subplots().plot(results["main"].a, results["main"].twice.isel(seed=0))
    return canvas


def claims(results):
    return mj.judged(__file__, results)
'''
TABLE = """claim,kind,published,within,of,at,source,reason
two doubled,published,4,0.5,main.twice,a=2,"B, arXiv 1",half
two mixed,,2,0.5,main.noisy,a=2,,half
seven,derived,14,,also.twice,a=7,arithmetic,
a lot,ours,,0 …,also.noisy,a=7,ours: a bound,positive
eight,,16,1,also.twice,a=8,,one
told,,,,also.noisy,a=7,,-
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    root = tmp_path_factory.mktemp("package")
    folder = root / "mine"
    (folder / "published").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "_family.py").touch()
    (folder / "doubling.py").write_text(OWN)
    (folder / "unrecorded.py").write_text('"""Nothing is known of it."""')
    (folder / "published" / "doubling.csv").write_text(TABLE)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(root)
        patch.chdir(root)
        yield importlib.import_module("mine")
    for name in [n for n in sys.modules if n.partition(".")[0] == "mine"]:
        del sys.modules[name]


@pytest.fixture(scope="module")
def kept(package):
    assert catalogue(package, ["mine", "--record", "doubling"]) == 0
    return recorded(package)["doubling"]


def test_a_record_has_claims_with_kinds_and_verdicts(kept):
    verdicts = {c["name"]: (c["kind"], c["verdict"]) for c in kept["claims"]}
    assert verdicts == {
        "two doubled": ("published", "holds"),
        "two mixed": ("published", "inconclusive"),
        "seven": ("derived", "holds"),
        "a lot": ("ours", "holds"),
        "eight": ("ours", "not shown"),
        "told": ("ours", "reported"),
    }
    expected = (
        "published 1 of 2 hold (1 inconclusive), derived 1 of 1 hold, "
        "ours 1 of 2 hold (1 not shown) and 1 reported"
    )
    assert kept["totals"] == expected
    (mixed,) = (c for c in kept["claims"] if c["name"] == "two mixed")
    assert mixed["measured"] == 3 and mixed["seeds"] == 3
    assert mixed["mean_interval"] == pytest.approx([3 - 2.4841377, 3 + 2.4841377])


def test_a_record_says_where_it_comes_from_and_nothing_private(kept, package):
    for name in ("command", "date", "commit", "processor", "cores", "devices"):
        assert name in kept
    assert kept["versions"]["jax"] and kept["versions"]["python"]
    assert set(kept["seconds"]) == {"compile", "run"}
    text = json.dumps(kept)
    assert str(Path.home()) not in text and package.__path__[0] not in text
    assert not re.search(r'"/\w', text)


def test_the_figure_is_kept_beside_the_record(kept, package):
    figure = Path(package.__path__[0], "figures", "doubling.png")
    assert figure.stat().st_size > 1000


def test_a_record_made_again_is_loaded_not_run(kept, package, capsys):
    assert catalogue(package, ["mine", "--record", "doubling"]) == 0
    assert capsys.readouterr().out.count("loaded from") == 2
    assert recorded(package)["doubling"] == kept


def test_the_list_imports_nothing(kept, package, capsys):
    sys.modules.pop("mine.unrecorded", None)
    assert catalogue(package, ["mine"]) == 0
    assert "mine.unrecorded" not in sys.modules
    out = capsys.readouterr().out
    for word in (
        "python -m mine.…",
        "doubling",
        "Doubling doubles.",
        "published 1/2, derived 1/1",
    ):
        assert word in " ".join(out.split())
    assert "Nothing is known" in out and "_family" not in out


def test_the_score_is_by_kind_and_source(kept, package, capsys):
    assert catalogue(package, ["mine", "--scoreboard"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for line in (
        "published: a number printed in the cited source",
        "B, arXiv 1 (doubling): 1 of 2 hold (1 inconclusive)",
        "ours: a bound (doubling): 1 of 2 hold (1 not shown) and 1 reported",
    ):
        assert line in lines
    assert " ".join(lines).endswith("reported")
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("words", [["--what"], ["doubling"], ["--scoreboard", "x"]])
def test_other_words_are_told_what_there_is(words, package, capsys):
    assert catalogue(package, ["mine", *words]) == 1
    assert "usage: python -m mine" in capsys.readouterr().out


def test_an_unknown_name_is_refused(package, capsys):
    assert catalogue(package, ["mine", "--record", "doublign"]) == 1
    assert "no doublign in doubling" in capsys.readouterr().err


def test_claims_come_back_from_records():
    claims = [
        mj.Claim("a", 1.0, 1.5, "s", tolerance=0.1, kind="derived", reason="r"),
        mj.Claim("b", None, 2.0, "s", interval=(-math.inf, 2.0), mean_interval=(1, 3)),
        mj.Claim("c", "x", "x", "s", seeds=3),
        mj.Claim("d", 1.0, None, "s", needs="p 31", kind="published"),
    ]
    back = [mj.Claim.from_record(json.loads(json.dumps(c.record()))) for c in claims]
    assert back == claims
    assert table(back) == table(claims)
    assert held(claims) == "published 0/1, derived 0/1, ours 1/2"
    assert "d  " in scoreboard({"e": claims})


# --- what is committed --------------------------------------------------------------


@pytest.mark.parametrize("name", names(ours))
def test_the_readme_shows_what_the_record_says(name):
    told = recorded(ours).get(name)
    cell = held(claims_in(told)) if told else "–"
    (row,) = re.findall(rf"(?m)^\|.*`{name}`.*\|$", README)
    assert row.strip("|").split("|")[-1].strip() == cell


def test_records_are_those_of_experiments():
    assert set(recorded(ours)) <= set(names(ours))


def test_records_agree_with_themselves():
    for name, told in recorded(ours).items():
        again = [claim.record() for claim in claims_in(told)]
        assert again == told["claims"]
        assert told["experiment"] == name and told["commit"]
        assert Path(ours.__path__[0], "figures", f"{name}.png").exists()
        assert not re.search(r'"(/|[A-Z]:\\)', json.dumps(told))  # no path of a machine


@pytest.mark.parametrize("record", recorded(ours), ids=str)
def test_what_is_published_is_a_number_of_its_source(record):
    """Printed, or in a figure; not a bound of ours, nor what others noted of a text."""
    for claim in recorded(ours)[record]["claims"]:
        if claim["kind"] == "published":
            text = f"{claim['source']} {claim['reason']}".lower()
            assert "ours" not in text and "noted" not in text, claim["name"]
            assert claim["published"] is not None or "figure" in text, claim["name"]

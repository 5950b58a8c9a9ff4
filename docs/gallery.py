"""Pages of the site made of experiments, their records and their figures."""

import importlib
import inspect
import re
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from types import ModuleType
from typing import Any

import experiments
from memjax.claims import HOLDS, KINDS, NOT_SHOWN, Claim, held, meant, not_shown, totals
from memjax.cli.catalogue import claim
from memjax.cli.comments import parameter_help
from memjax.cli.named import names
from memjax.cli.page import listed
from memjax.cli.records import claims_in, recorded

README = Path(__file__).parents[1] / "README.md"
ROOT = "../../experiments"  # from a page of the gallery


def write(folder: Path) -> None:
    """A page for every experiment, one of all of them, and the scoreboard."""
    folder.mkdir(exist_ok=True)
    found = {name: claims_in(told) for name, told in recorded(experiments).items()}
    made = {name: page(name) for name in ordered()}
    made |= {"index": index(found), "scoreboard": scoreboard(found)}
    for name, text in made.items():
        write_changed(folder / f"{name}.md", text)
    for old in set(folder.glob("*.md")) - {folder / f"{name}.md" for name in made}:
        old.unlink()


def write_changed(file: Path, text: str) -> None:
    """Write a file unless it says so already, for what did not change is not built."""
    if not file.exists() or file.read_text(encoding="utf-8") != text:
        file.write_text(text, encoding="utf-8")


def ordered() -> list[str]:
    """All experiments, in the order of the README's table."""
    shown = re.findall(r"\| `(\w+)` \|", README.read_text(encoding="utf-8"))
    known = names(experiments)
    return [*(n for n in shown if n in known), *sorted({*known} - {*shown})]


def index(found: dict[str, list[Claim]]) -> str:
    """All experiments by their figures, and how much of each holds."""
    cards = "\n".join(card(name, found.get(name)) for name in ordered())
    hidden = "\n".join(ordered())
    return f"""# Gallery

What was published, beside what was measured: {len(ordered())} experiments, a command
each. Counts are of claims that hold, among all that could:
{totals([c for claims in found.values() for c in claims])}. The ones that do not are on
the [scoreboard](scoreboard.md).

:::::{{grid}} 1 2 2 3
:gutter: 3
{cards}
:::::

```{{toctree}}
:hidden:

{hidden}
```
"""


def card(name: str, claims: list[Claim] | None) -> str:
    """An experiment in a few words, with its figure where it has a record."""
    figure = "" if claims is None else f"\n:img-top: {ROOT}/figures/{name}.png"
    return f"""
::::{{grid-item-card}} `{name}`
:link: {name}
:link-type: doc{figure}
{plain(claim(experiments, name))}
:::{{card-footer}}
{held(claims or [])}
:::
::::"""


def page(name: str) -> str:
    """What an experiment claims, found, takes and is."""
    module = importlib.import_module(f"experiments.{name}")
    head, _, text = inspect.cleandoc(module.__doc__ or "").partition("\n")
    told = recorded(experiments).get(name)
    parts = [f"# {name}", f"**{plain(head)}**"]
    parts += [f"![Figure of {name}]({ROOT}/figures/{name}.png)"] if told else []
    parts += [*paragraphs(text), *(results(told) if told else ())]
    parts += ["## Flags", flags(module), "## Code", code(name)]
    return "\n\n".join(parts) + "\n"


def paragraphs(text: str) -> Iterator[str]:
    """A docstring's paragraphs; `Source:`, `Command:` and `Expected:` are their own."""
    for line in re.split(r"\n\s*\n|\n(?=[A-Z]\w+: )", text.strip()):
        word, colon, rest = line.partition(": ")
        if word == "Command":
            yield f"```\n{rest}\n```"
        elif colon and re.fullmatch(r"[A-Z]\w+", word):
            yield f"**{word}:** {plain(rest)}"
        else:
            yield plain(line)


def results(told: dict[str, Any]) -> Iterator[str]:
    """What the last run of the defaults found, and on what."""
    claims, seconds = claims_in(told), told["seconds"]
    yield "## What it found"
    yield f"{plain(totals(claims)).capitalize()}."
    for kind, meaning in KINDS.items():
        own = [c for c in claims if c.kind == kind and c.verdict != NOT_SHOWN]
        if own:
            yield f"### {kind.capitalize()}\n\n{meaning.capitalize()}."
            yield f"```{{raw}} html\n{listed(own)}\n```"
    if told_of_means := meant(claims):
        yield f"{plain(told_of_means).capitalize()}."
    if unseen := not_shown(claims):
        yield "### Not shown\n\n" + "\n".join(f"- {plain(line)}" for line in unseen)
    yield (
        f"Measured on {told['date']} by jax {told['versions']['jax']} on "
        f"{plain(told['processor'])}, {told['cores']} cores: compiled in "
        f"{seconds['compile']:.0f} s, ran {seconds['run']:.0f} s."
    )


def flags(module: ModuleType) -> str:
    """The flags of an experiment, which are the parameters of its `sweeps`."""
    helps = parameter_help(module)
    rows = "".join(
        f"<tr><th><code>--{name}</code><td>{escape(helps.get(name, ''))}"
        f"<td><code>{escape(repr(parameter.default))}</code>"
        for name, parameter in inspect.signature(module.sweeps).parameters.items()
    )
    table = f"<tr><th>flag<th>what it is<th>default{rows}"
    return f'```{{raw}} html\n<div class="wide"><table>{table}</table></div>\n```'


def code(name: str) -> str:
    """The files of an experiment, folded."""
    return f"""::::{{dropdown}} experiments/{name}.py
```{{literalinclude}} {ROOT}/{name}.py
:language: python
```
::::

::::{{dropdown}} experiments/published/{name}.csv
```{{literalinclude}} {ROOT}/published/{name}.csv
:language: text
```
::::"""


def scoreboard(found: dict[str, list[Claim]]) -> str:
    """How many claims of each experiment hold, by kind; and those that do not."""
    every = [claim for claims in found.values() for claim in claims]
    kinds = "".join(f"<th>{kind}" for kind in KINDS)
    rows = "".join(_score(name, found[name]) for name in ordered() if name in found)
    meanings = "\n".join(f"- **{kind}**: {what}" for kind, what in KINDS.items())
    unheld = "\n\n".join(
        f"### {name}\n\n```{{raw}} html\n{listed(own)}\n```"
        for name in ordered()
        if (
            own := [
                c for c in found.get(name, []) if c.judgeable and c.verdict != HOLDS
            ]
        )
    )
    return f"""# Scoreboard

{totals(every).capitalize()}.

{meanings}

```{{raw}} html
<div class="wide"><table class="score"><tr><th>experiment{kinds}{rows}</table></div>
```

A claim is worded as published and judged as measured. What is inconclusive counts as
not held.

## What does not hold

{unheld}
"""


def _score(name: str, claims: Sequence[Claim]) -> str:
    link = f'<a href="{name}.html">{name}</a>'
    cells = (held([c for c in claims if c.kind == kind]) for kind in KINDS)
    return f"<tr><th>{link}" + "".join(f"<td>{c.split()[-1]}" for c in cells)


def plain(text: str) -> str:
    """Text whose signs mean nothing to Markdown, but for `code`."""
    sign, parts = re.compile(r"([\\*_<>\[\]#|$~{}^])"), re.split(r"(`[^`\n]+`)", text)
    return "".join(p if p.startswith("`") else sign.sub(r"\\\1", p) for p in parts)

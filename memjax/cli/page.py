"""`report.html`: what a results folder says, as one page without scripts or network."""

import importlib.resources
import inspect
import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import xarray as xr

from memjax.claims import (
    FAILS,
    HEADER,
    HOLDS,
    KINDS,
    NOT_SHOWN,
    OPEN,
    Claim,
    cells,
    meant,
    not_shown,
    totals,
)

STYLE = ("page.css", "claims.css")
LOOKS = {HOLDS: "holds", FAILS: "fails", OPEN: "open"}
SHELL = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
{body}
</html>
"""


def page(
    text: str,
    claims: Sequence[Claim],
    drawing: str,
    results: Mapping[str, xr.Dataset],
    record: Mapping[str, Any],
    folder: Path,
) -> str:
    """The page of an experiment's docstring, claims, figure, results and provenance."""
    name = record["command"].split()[-1].rpartition(".")[2]
    first, _, rest = inspect.cleandoc(text).partition("\n")
    files = [importlib.resources.files("memjax.cli") / css for css in STYLE]
    parts = [
        f"<p class=quiet>{escape(name)}</p><h1>{escape(first)}</h1>",
        f"<p>{escape(totals(claims) or 'no claims')}</p>",
        f"<figure>{drawing}</figure>",
        *_claims(claims),
        *_again(record, folder),
        *_axes(results),
        *_plans(record),
        *_provenance(record),
        f"<h2>What it is about</h2><pre>{escape(rest.strip())}</pre>" if rest else "",
    ]
    look = "".join(file.read_text(encoding="utf-8") for file in files)
    body = "\n".join(filter(None, parts))
    return SHELL.format(title=escape(name), style=look, body=body)


def _claims(claims: Sequence[Claim]) -> Iterator[str]:
    for kind, meaning in KINDS.items():
        own = [c for c in claims if c.kind == kind and c.verdict != NOT_SHOWN]
        if own:
            yield f"<h2>{kind.capitalize()}: {escape(meaning)}</h2>"
            yield listed(own)
    if told := meant(claims):
        yield f"<p class=quiet>{escape(told)}</p>"
    unseen = [f"<li>{escape(line)}" for line in not_shown(claims)]
    if unseen:
        yield f"<h2>Not shown</h2><ul class=quiet>{''.join(unseen)}</ul>"


def listed(claims: Sequence[Claim]) -> str:
    """Claims as a list, in the looks of `claims.css`."""
    return f"<ul class=claims>{''.join(map(_claim, claims))}</ul>"


def _claim(claim: Claim) -> str:
    words, *numbers, verdict = cells(claim)
    pairs = zip(HEADER[1:4], numbers, strict=True)
    shown = (f"<div><dt>{n}</dt><dd>{escape(v)}</dd></div>" for n, v in pairs)
    seeds = f"mean of {claim.seeds} seeds" if claim.seeds else ""
    why = [claim.reason and f"Margin: {claim.reason}", f"Source: {claim.source}", seeds]
    return (
        f'<li><span class="verdict {LOOKS.get(verdict, "")}">{escape(verdict)}</span>'
        f"<div>{escape(words)}<dl class=numbers>{''.join(shown)}</dl>"
        f"<div class=why>{' · '.join(escape(w) for w in why if w)}</div></div></li>"
    )


def _again(record: Mapping[str, Any], folder: Path) -> Iterator[str]:
    """The command that does it again; a path of this machine alone is not told."""
    flags = Path("flags.txt") if folder.is_absolute() else folder / "flags.txt"
    command = f"{record['command']} --flagfile={flags}"
    yield f"<h2>Do it again</h2><pre>{escape(command)}</pre>"
    text = escape("\n".join(record["flags"]))
    yield f"<details><summary>flags.txt</summary><pre>{text}</pre></details>"


def _axes(results: Mapping[str, xr.Dataset]) -> Iterator[str]:
    yield "<h2>Axes</h2>"
    for name, dataset in results.items():
        status = dataset.status
        counts = {s: int((status == s).sum()) for s in ("ok", "diverged")}
        told = ", ".join(f"{n} {s}" for s, n in counts.items() if n)
        yield f"<h3>{escape(name)}: {status.size} runs, {told}</h3>"
        axes = [(str(d), _listed(dataset, str(d))) for d in status.dims]
        fixed = {str(n): c.item() for n, c in dataset.coords.items() if c.ndim == 0}
        yield _rows([*axes, *((n, f"{v} (fixed)") for n, v in fixed.items())])


def _listed(dataset: xr.Dataset, axis: str) -> str:
    values = [str(v) for v in dataset[axis].values.tolist()]
    if len(values) > 24:
        return f"{', '.join(values[:8])}, … {values[-1]} ({len(values)} values)"
    return ", ".join(values)


def _plans(record: Mapping[str, Any]) -> Iterator[str]:
    plans = "\n".join(f"{n}: {text}" for n, text in record.get("plans", {}).items())
    if plans:
        yield f"<h2>Plan</h2><pre>{escape(plans)}</pre>"


def _provenance(record: Mapping[str, Any]) -> Iterator[str]:
    """What the results are to be trusted by: once for all sweeps, and seconds each."""
    yield "<h2>Provenance</h2>"
    first = next(iter(record["sweeps"].values()))
    packages = ", ".join(f"{n} {v}" for n, v in first["packages"].items())
    rows = [
        ("date", first["date"]),
        ("processor", f"{record.get('processor')}, {record.get('cores')} cores"),
        ("devices", ", ".join(first["devices"])),
        ("versions", f"python {first['python']}, {packages}"),
        ("numerics", _told(first["numerics"])),
        ("environment", _told(first["environment"])),
        ("experiment", _commit(first["git"])),
        ("memjax", _commit(first["memjax_git"])),
    ]
    for name, made in record["sweeps"].items():
        waited, ran = made["compile_seconds"], made["run_seconds"]
        spent = f"waited {waited} s for compiling, ran {ran} s"
        rows.append((name, f"{spent}; traces {', '.join(made['fingerprints'])}"))
    yield _rows(rows)


def _told(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{n}={json.dumps(v)}" for n, v in values.items()) or "–"


def _commit(git: Mapping[str, Any]) -> str:
    if git["commit"] is None:
        return "untracked" if git["dirty"] else "not in a repository"
    return f"commit {git['commit']}" + (", changed since" if git["dirty"] else "")


def _rows(rows: Sequence[tuple[str, str]]) -> str:
    cells = (f"<tr><th>{escape(n)}<td>{escape(v)}" for n, v in rows)
    return f"<table>{''.join(cells)}</table>"

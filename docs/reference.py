"""Pages of the site made of docstrings: the public names of `memjax` and its rooms."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import GenericAlias, ModuleType

from gallery import write_changed

import memjax

ROOMS = {
    "datasets": "Datasets",
    "models": "Models",
    "losses": "Losses",
    "schedules": "Schedules",
    "observables": "Observables",
    "kernels": "Kernels",
    "theory": "Theory",
    "plots": "Plots",
    "cli": "Commands",
}


def write(folder: Path) -> None:
    """A page of the names in `memjax`, and one for each of its rooms."""
    folder.mkdir(exist_ok=True)
    write_changed(folder / "index.rst", surface())
    for room in ROOMS:
        module = importlib.import_module(f"memjax.{room}")
        write_changed(folder / f"{room}.rst", page(module))


def surface() -> str:
    """The names of `memjax` by the comments that they stand below in its `__init__`."""
    source = Path(memjax.__file__).read_text(encoding="utf-8")
    rooms = "\n".join(f"   {title} <{room}>" for room, title in ROOMS.items())
    text = [title("API", "="), (memjax.__doc__ or "").strip()]
    text += ["All of it is ``import memjax as mj``; the rooms have pages of their own."]
    text += [f".. toctree::\n   :maxdepth: 1\n\n{rooms}"]
    parts = re.findall(r"(?m)^# (.+)\n((?:from .+\n)+)", source)
    for head, lines in sorted(parts, key=lambda part: "claim" in part[0]):
        found = re.findall(r" as (\w+)$", lines, re.M)
        if names := [name for name in found if name not in ROOMS]:
            text += [title(head, "-"), *(entry(memjax, name) for name in names)]
    return "\n\n".join(text) + "\n"


def page(module: ModuleType) -> str:
    """The public names of a room, and those of the modules in it."""
    text = [title(module.__name__, "="), as_rst(module.__doc__ or "")]
    within = []
    for name in public(module):
        if inspect.ismodule(getattr(module, name)):
            within.append(getattr(module, name))
        else:
            text.append(entry(module, name))
    for part in within:
        text += [title(part.__name__, "-"), as_rst(part.__doc__ or "")]
        text += [entry(part, name) for name in public(part)]
    return "\n\n".join(text) + "\n"


def public(module: ModuleType) -> Iterator[str]:
    """The names that a module makes, or passes on as `from … import name as name`."""
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (a.name for a in node.names if a.asname == a.name)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from ([] if node.name.startswith("_") else [node.name])


def entry(module: ModuleType, name: str) -> str:
    """How Sphinx is asked for the docstring of a name."""
    value, path = getattr(module, name), f"{module.__name__}.{name}"
    if inspect.ismodule(value):
        return f".. automodule:: {value.__name__}\n   :members:"
    if not callable(value) or isinstance(value, GenericAlias):
        return f".. py:data:: {path}\n   :value: {value!r}"
    if not inspect.isclass(value):
        return f".. autofunction:: {path}"
    members = "" if hasattr(value, "_fields") else "\n   :members:"
    return f".. autoclass:: {path}{members}"


def title(text: str, line: str) -> str:
    """A heading."""
    return f"{text}\n{line * len(text)}"


def as_rst(text: str) -> str:
    """A docstring whose signs mean nothing to reStructuredText, but for `code`."""
    lines: list[str] = inspect.cleandoc(text).splitlines()
    as_text(None, "", "", None, None, lines)
    return "\n".join(lines)


def as_text(
    app: object, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Escape what is no markup in a docstring, and keep what is indented as it is."""
    parts = re.split(r"(`[^`]+`)", "\n".join(lines))
    lines[:] = "".join(
        part if part.startswith("`") else re.sub(r"([\\*|_])", r"\\\1", part)
        for part in parts
    ).splitlines()

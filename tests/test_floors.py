"""Imports only go down, and siblings never import each other."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted([*ROOT.glob("memjax/**/*.py"), *ROOT.glob("experiments/*.py")])


def floor(module: str) -> float:
    """The floor of a module, by name; a room's `__init__` closes the room."""
    parts = module.split(".")
    if parts[0] == "experiments":
        if not parts[1:]:
            return 3  # the package itself holds nothing
        return 3.5 if parts[1].startswith("_") else 4  # what a family shares
    if parts[1:3] == ["cli", "template"]:
        return 4  # an experiment for others to write on
    if parts[1:2] in (["cli"], ["plots"]):
        return 3
    if parts == ["memjax"]:
        return 2
    lowest = {"lanes": -1, "measure": 0, "quantities": 0, "legs": 0, "statistics": 0}
    return lowest.get(parts[1], 1)


def room(module: str) -> str:
    """The folder or file on a floor that a module belongs to."""
    parts = module.split(".")
    if parts[1:3] == ["cli", "template"]:
        return "template"
    return parts[1] if len(parts) > 1 else parts[0]


def name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(p for p in parts if p != "__init__")


def imported(file: Path) -> list[str]:
    found = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            package = name(file).split(".")[: -node.level] if node.level else []
            of = ".".join([*package, *([node.module] if node.module else [])])
            known = {name(f) for f in FILES}
            modules = [f"{of}.{a.name}" for a in node.names]
            found += [m if m in known else of for m in modules]
    return found


@pytest.mark.parametrize("file", FILES, ids=name)
def test_imports_go_down(file):
    here = name(file)
    for there in imported(file):
        if there.split(".")[0] not in ("memjax", "experiments"):
            continue
        if room(there) != room(here):
            assert floor(there) < floor(here), f"{here} imports {there}"


def test_the_library_imports_neither_flags_nor_figures():
    for file in FILES:
        if floor(name(file)) < 3:
            outside = {m.split(".")[0] for m in imported(file)}
            assert not outside & {"absl", "matplotlib"}, name(file)


def test_the_engine_flows_one_way():
    """A folder of the engine imports only those before it; `sweeps` knows them all."""
    order = ("asked", "planned", "run", "kept")
    for file in ROOT.glob("memjax/engine/*/*.py"):
        here = order.index(file.parent.name)
        for there in imported(file):
            parts = there.split(".")
            if parts[:2] == ["memjax", "engine"]:
                assert parts[2] in order[: here + 1], f"{name(file)} imports {there}"

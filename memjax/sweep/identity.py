"""What question a sweep asks: the code, shapes and fixed values behind its numbers."""

import ast
import hashlib
import inspect
import json
import sysconfig
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from types import CodeType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from memjax.sweep.grid import Grid
from memjax.sweep.provenance import numerics

LIBRARY = Path(__file__).parents[1]
PLACES = ("stdlib", "platstdlib", "purelib", "platlib")
INSTALLED = (LIBRARY, *(Path(sysconfig.get_path(place)) for place in PLACES))
ROOM = "capacity"  # follows the sizes asked for, and padding changes nothing
NOT_NUMBERS = ("cli", "claims.py", "figures.py", "__init__.py")  # draw or report only


def question(run: Callable, grid: Grid, inputs: dict[str, Any]) -> dict[str, Any]:
    """The question as plain JSON values; the values of axes are not part of it.

    Of an axis it holds whether its numbers are whole: a run may do other things then.
    """
    return {
        "run": run.__name__,
        "code": digest(code_of(run)),
        "library": _library(),
        "axes": {n: _kind(vs) for c in grid.axes.values() for n, vs in c.items()},
        "fixed": {n: _text(v) for n, v in sorted(grid.fixed.items()) if n != ROOM},
        "inputs": {name: digest(_text(v)) for name, v in sorted(inputs.items())},
        "numerics": numerics(),
    }


def digest(value: Any) -> str:
    """A short name for a JSON value."""
    text = json.dumps(value, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _kind(values: tuple) -> str:
    kind = np.asarray(values).dtype.kind if np.ndim(values[0]) == 0 else "O"
    return {"i": "whole numbers", "f": "real numbers"}.get(kind, "values")


def difference(stored: Any, asked: Any, path: str = "") -> list[str]:
    """Where two questions differ, one line each: `main.fixed.steps: 100 is now 200`."""
    if isinstance(stored, dict) and isinstance(asked, dict):
        names = sorted({*stored, *asked})
        at = {n: f"{path}.{n}".lstrip(".") for n in names}
        parts = (difference(stored.get(n), asked.get(n), at[n]) for n in names)
        return [line for part in parts for line in part]
    if isinstance(stored, dict) or isinstance(asked, dict):
        return [f"{path} is {'new' if isinstance(asked, dict) else 'not asked for'}"]
    return [] if stored == asked else [f"{path}: {stored} is now {asked}"]


def code_of(run: Callable, within: tuple = ()) -> Any:
    """What a run computes with: the definitions of its module that it can reach, the
    values of the globals they name, and what it closes over.

    Functions and modules that it imports count if they are the user's own, not
    installed. `within` holds the functions whose code this is a part of.
    """
    run = inspect.unwrap(run.func if isinstance(run, partial) else run)
    if not inspect.isfunction(run):
        return type(run).__qualname__
    if run in within:
        return run.__qualname__
    within = (*within, run)
    names, cells = run.__code__.co_freevars, run.__closure__ or ()
    closed = {
        n: _text(c.cell_contents, within) for n, c in zip(names, cells, strict=True)
    }
    try:
        source = inspect.getsource(inspect.getmodule(run) or run)
        code = dict(_reachable(source, run.__qualname__.split(".")[0]))
    except (OSError, TypeError, SyntaxError):  # typed at a prompt, or made by exec
        code = {}
    if run.__qualname__ not in code:  # not alone in what was read, or not read at all
        code[run.__qualname__] = _compiled(run.__code__)
    used = {
        *run.__code__.co_names,
        *(n for text in code.values() for n in _names(text)),
    }
    known = {n: run.__globals__.get(n) for n in sorted(used)}
    data = {n: _text(v, within) for n, v in known.items() if _is_data(v)}
    other = {n: _elsewhere(v, run, within) for n, v in known.items()}
    return [code, closed, data, {n: text for n, text in other.items() if text}]


def _elsewhere(value: Any, run: Callable, within: tuple) -> str:
    """The code behind a global that comes from another module of the user's own."""
    module = value if inspect.ismodule(value) else inspect.getmodule(value)
    file = Path(getattr(module, "__file__", None) or "built in")
    installed = any(map(file.is_relative_to, INSTALLED))
    if module is inspect.getmodule(run) or installed or file.suffix != ".py":
        return ""
    if inspect.isfunction(value):
        return _text(value, within)
    return digest(ast.unparse(ast.parse(file.read_text())))


def _compiled(code: CodeType) -> str:
    """What a code object does, without the addresses that its own text holds."""

    def text(value: Any) -> Any:
        if isinstance(value, frozenset):  # in another order in every process
            return sorted(map(repr, value))
        return _compiled(value) if isinstance(value, CodeType) else repr(value)

    return digest([code.co_code.hex(), code.co_names, [*map(text, code.co_consts)]])


def _is_data(value: Any) -> bool:
    return value is not None and not callable(value) and not inspect.ismodule(value)


@cache
def _names(source: str) -> frozenset[str]:
    try:
        nodes = ast.walk(ast.parse(source))
    except SyntaxError:  # bytes of code typed at a prompt
        return frozenset()
    return frozenset(n.id for n in nodes if isinstance(n, ast.Name))


@cache
def _reachable(source: str, start: str) -> dict[str, str]:
    """The module's top-level definitions that `start` uses, directly or not."""
    defined: dict[str, list[ast.stmt]] = {}
    for statement in ast.parse(source).body:
        for name in _defines(statement):
            defined.setdefault(name, []).append(statement)
    found: dict[str, str] = {}
    queue = [start]
    while queue:
        name = queue.pop()
        if name in defined and name not in found:
            found[name] = "\n".join(ast.unparse(_bare(s)) for s in defined[name])
            nodes = (n for s in defined[name] for n in ast.walk(s))
            queue += [n.id for n in nodes if isinstance(n, ast.Name)]
    return found


def _defines(statement: ast.stmt) -> list[str]:
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return [statement.name]
    nodes = ast.walk(statement)
    return [
        n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    ]


def _bare(statement: ast.stmt) -> ast.stmt:
    """A function without its docstring."""
    if isinstance(statement, ast.FunctionDef) and ast.get_docstring(statement):
        kept = statement.body[1:] or [ast.Pass()]
        return ast.FunctionDef(**{**vars(statement), "body": kept})
    return statement


@cache
def _library() -> str:
    """The library's own code, as far as it can change a number."""
    files = sorted(p.relative_to(LIBRARY) for p in LIBRARY.rglob("*.py"))
    texts = [(LIBRARY / p).read_text() for p in files if p.parts[0] not in NOT_NUMBERS]
    return digest([ast.unparse(ast.parse(t)) for t in texts])


def is_key(value: Any) -> bool:
    """Whether a value is an array of random keys."""
    kind = getattr(value, "dtype", None)
    return kind is not None and jnp.issubdtype(kind, jax.dtypes.prng_key)


def _text(value: Any, within: tuple = ()) -> str:
    """A value as text that is the same in every process."""
    if isinstance(value, int | float | str | bool | None):
        return repr(value)
    if isinstance(value, tuple | list | range):
        return f"({', '.join(_text(part, within) for part in value)})"
    if is_key(value):
        return f"{value.dtype} {_text(jax.random.key_data(value))}"
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        array = np.asarray(value)
        content = hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()
        return f"{array.dtype}{array.shape}:{content[:16]}"
    if inspect.isfunction(value):
        return digest(code_of(value, within))
    if callable(value):
        return getattr(value, "__qualname__", type(value).__qualname__)
    leaves, structure = jax.tree.flatten(value)
    if len(leaves) == 1 and leaves[0] is value:
        return type(value).__qualname__
    return f"{structure}[{', '.join(_text(leaf, within) for leaf in leaves)}]"

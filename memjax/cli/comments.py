"""What is said of the parameters of `sweeps`: beside them, or in its docstring."""

import ast
import functools
import inspect
import io
import re
import textwrap
import tokenize
from collections.abc import Callable
from types import ModuleType


def parameter_help(module: ModuleType) -> dict[str, str]:
    """What is said of each parameter of `sweeps`: beside it, or in the docstring.

    Comments from a parameter to the next one are its help; in the docstring, the lines
    `name: text`, continued where indented.
    """
    return {**_told_in_docstring(module), **_told_beside(module.sweeps)}


@functools.cache
def _told_beside(sweeps: Callable) -> dict[str, str]:
    """The comments beside the parameters of `sweeps`."""
    try:
        text = textwrap.dedent(inspect.getsource(sweeps))
        made = ast.parse(text).body[0]
    except (OSError, TypeError, SyntaxError):
        return {}
    if not isinstance(made, ast.FunctionDef):
        return {}
    named = [*made.args.posonlyargs, *made.args.args, *made.args.kwonlyargs]
    starts = sorted((a.lineno, a.col_offset, a.arg) for a in named)
    found: dict[str, str] = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.start[0] >= made.body[0].lineno:
            break
        if token.type != tokenize.COMMENT:
            continue
        name = ([""] + [n for *start, n in starts if tuple(start) <= token.start])[-1]
        words = token.string.lstrip("#: ").strip()
        found[name] = f"{found.get(name, '')} {words}".strip()
    return found


def _told_in_docstring(module: ModuleType) -> dict[str, str]:
    found: dict[str, str] = {}
    name = ""
    for line in inspect.cleandoc(module.sweeps.__doc__ or "").splitlines():
        start = re.match(r"(\w+): (.+)", line)
        if start:
            name = start[1]
            found[name] = start[2]
        elif name and line.startswith(" "):
            found[name] += " " + line.strip()
        else:
            name = ""
    return found

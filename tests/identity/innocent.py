"""Edits that change no number: before, after."""

BEFORE = '''
import jax.numpy as jnp

K = 2.0


def helper(x):
    """What it does."""
    return K * x  # twice


def run(a):
    """A run."""
    y = helper(a)
    return {"y": jnp.sin(y)}


def ask():
    return run, {"a": [1.0, 2.0]}
'''


def changed(old: str, new: str) -> str:
    assert old in BEFORE
    return BEFORE.replace(old, new)


DEFINED = BEFORE[BEFORE.index("def helper") : BEFORE.index("def run")]
INNOCENT = {
    "a comment": changed("# twice", "# two times"),
    "no comment": changed("  # twice", ""),
    "a docstring": changed('"""A run."""', '"""Another text."""'),
    "no docstring": changed('    """What it does."""\n', ""),
    "a local name": changed("y = helper(a)", "z = helper(a)").replace("(y)", "(z)"),
    "a function's name": BEFORE.replace("helper", "twice"),
    "the run's name": BEFORE.replace("run(a)", "walk(a)").replace(
        "return run", "return walk"
    ),
    "a global's name": BEFORE.replace("K", "FACTOR"),
    "an inlined function": changed("helper(a)", "K * a"),
    "an extracted function": changed(
        "    return {", "    s = jnp.sin\n    return {"
    ).replace("jnp.sin(y)", "s(y)"),
    "other order": BEFORE.replace(DEFINED, "").replace("def ask", DEFINED + "def ask"),
    "a lambda": BEFORE.replace(DEFINED, "helper = lambda x: K * x\n\n\n"),
    "type hints": changed("def helper(x):", "def helper(x: object) -> object:"),
    "other import": changed("import jax.numpy as jnp", "from jax import numpy as jnp"),
    "an unused global": changed("K = 2.0", "K = 2.0\nUNUSED = 3.0"),
    "an unused import": changed(
        "import jax.numpy as jnp", "import json\nimport jax.numpy as jnp"
    ),
    "blank lines": changed("\n\n\ndef run", "\n\n\n\n\ndef run"),
    "a constant in place": changed("K * x", "2.0 * x"),
    "a shape with a default": changed("def run(a):", "def run(a, *, unused=3):"),
}

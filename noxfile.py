"""`nox`: what versions of JAX change most, on each interpreter that is installed."""

import os
from pathlib import Path

import nox

PAIRS = [("3.11", "0.10.2"), ("3.12", "0.12.0.1"), ("3.13", "0.12.0.1")]
RESULTS = "measure training grid sweep store trust ragged models cli command"
PLANS = "turns prices shelf"  # which read traces, and programs

nox.options.error_on_missing_interpreters = False
installed = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"), "versions")
pyenv = ":".join(sorted(place.name for place in installed.glob("3.*")))
if pyenv:  # its commands run the versions that are named here, and no others
    os.environ.setdefault("PYENV_VERSION", pyenv)


@nox.session(venv_backend="venv")
@nox.parametrize("python,jax", PAIRS)
def versions(session: nox.Session, jax: str) -> None:
    """The laws of sweeps, with one version of JAX; words after `--` go to pytest."""
    session.install(f"jax=={jax}", ".[test]")
    files = [f"tests/test_{name}.py" for name in f"{RESULTS} {PLANS}".split()]
    session.run("python", "-m", "pytest", *(session.posargs or files))

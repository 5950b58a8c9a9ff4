"""`memjax new NAME`: an experiment, its table and its test, which pass as they are."""

import importlib.resources
import importlib.util
import keyword
from pathlib import Path

from memjax.cli.named import names, ours
from memjax.engine import BadValue, Refused

MODEL = "my_experiment"  # what the files of the template say, where NAME will stand
FILES = {
    "my_experiment.py": "{}.py",
    "my_experiment.csv": "published/{}.csv",
    "test_my_experiment.py": "test_{}.py",
}


def new(name: str, folder: Path) -> str:
    """What was written, and what to do with it; nothing is written over."""
    _check(name)
    files = {model: folder / place.format(name) for model, place in FILES.items()}
    there = [str(file) for file in files.values() if file.exists()]
    if there:
        raise Refused(f"new: {', '.join(there)} is there already")
    if importlib.util.find_spec(name):
        raise BadValue("", f"new: {name}.py would hide the module {name}")
    template = importlib.resources.files("memjax.cli") / "template"
    for model, file in files.items():
        text = (template / model).read_text(encoding="utf-8").replace(MODEL, name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    lines = [f"wrote {file}" for file in files.values()]
    return "\n".join([*lines, f"next: memjax run {name} · pytest test_{name}.py"])


def _check(name: str) -> None:
    if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
        raise BadValue("", f"new: {name} cannot be the name of a module")
    if name in names(ours()):
        raise BadValue("", f"new: {name} is one of the experiments of memjax")

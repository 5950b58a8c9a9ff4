"""Experiments by name: those that come with memjax, and the user's own."""

import difflib
import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import memjax
from memjax.engine import BadValue

INSIDE = "memjax.experiments"  # where a wheel has them; a checkout beside the package


def ours() -> ModuleType:
    """The package of the experiments that come with memjax."""
    if importlib.util.find_spec(INSIDE):
        return importlib.import_module(INSIDE)
    beside = Path(memjax.__file__).resolve().parents[1]
    package = importlib.import_module("experiments")
    if Path(package.__path__[0]).resolve() != beside / "experiments":
        where = package.__path__[0]
        raise BadValue("", f"{where} hides the experiments of memjax in {beside}")
    return package


def names(package: ModuleType) -> list[str]:
    """The experiments of a package, which are its modules without an underscore."""
    files = Path(package.__path__[0]).glob("*.py")
    return sorted(file.stem for file in files if not file.stem.startswith("_"))


def experiment(name: str) -> ModuleType:
    """The experiment of a name: one of ours, `NAME.py` here, or a file."""
    if name.endswith(".py"):
        return _module_at(Path(name))
    package = ours()
    if name in names(package):
        return importlib.import_module(f"{package.__name__}.{name}")
    if Path(f"{name}.py").exists():
        return _module_at(Path(f"{name}.py"))
    near = difflib.get_close_matches(name, names(package), 1)
    hint = f"did you mean {near[0]}?" if near else "`memjax list` has those there are"
    raise BadValue("", f"no experiment {name}, and no {name}.py here; {hint}")


def _module_at(file: Path) -> ModuleType:
    """The module in a file, which may import what lies beside it."""
    if not file.is_file():
        raise BadValue("", f"there is no file {file}")
    spec = importlib.util.spec_from_file_location(file.stem, file.resolve())
    assert spec is not None and spec.loader is not None  # of a name that ends in .py
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(file.resolve().parent))
    sys.modules[file.stem] = module
    spec.loader.exec_module(module)
    return module

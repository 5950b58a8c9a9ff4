"""From an experiment module to a command: plan, run, save, draw, print."""

import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, NoReturn

import xarray as xr
from absl.flags import FlagValues

from memjax.claims import BadTable
from memjax.cli import flags
from memjax.cli.folder import Asked, Folder
from memjax.cli.machine import (
    machine_to_plan,
    shares,
    use_compile_cache,
    workers,
)
from memjax.cli.provenance import begin, end, module_name
from memjax.cli.report import report
from memjax.cli.words import description, say_what_changed, say_what_is_left, spent
from memjax.engine import BadValue, Sweep, use_all_cores
from memjax.engine.asked.trace import moment
from memjax.engine.kept.store import Refused
from memjax.engine.run.ahead import Ahead

DONE, USAGE, DIVERGED, REFUSED, INTERRUPTED = 0, 1, 3, 4, 130


def launch(module: str = "__main__") -> NoReturn:
    """Run the experiment of a module as a command: `launch(__name__)` at its end.

    The module has a docstring and three functions: `sweeps(**config)` returns the
    sweeps by name, `main` among them; `figure(results)` a matplotlib figure;
    `claims(results)` a list of `Claim`s. `results` holds a dataset for each sweep. The
    flags are the parameters of `sweeps`.
    """
    leave(command(sys.modules[module], sys.argv))


def leave(code: int) -> NoReturn:
    """End the process."""
    if code == INTERRUPTED:  # devices are still at work, and would crash a tidy exit
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)


def command(module: ModuleType, argv: list[str]) -> int:
    """The exit code of an experiment's command line."""

    def do() -> int:
        _check_module(module)
        if {"--help", "-h", "--helpfull", "--help=true"} & set(argv[1:]):
            print(flags.help_text(module, f"python -m {module_name(module)}"))
            return DONE
        return answer(module, flags.parse(module, argv)).code

    return told_in_a_line(do, module)


def told_in_a_line(do: Callable[[], int], module: ModuleType | None = None) -> int:
    """The exit code of what is done; what is wrong is one line, and names the flag."""
    try:
        return do()
    except BadValue as error:
        flag = flag_of(module, error.name) if module else ""
        return fail(f"{flag}: {error.problem}" if flag else error.problem, USAGE)
    except BadTable as error:
        return fail(str(error), USAGE)
    except BrokenPipeError:  # whoever read the output, such as `head`, has seen enough
        sys.stdout = open(os.devnull, "w")
        return INTERRUPTED
    except OSError as error:
        return fail(f"--out: {error}" if module else str(error), USAGE)
    except Refused as error:
        return fail(str(error), REFUSED)
    except KeyboardInterrupt:
        kept = "what is finished is kept; the same command goes on from there"
        return fail(f"interrupted; {kept}", INTERRUPTED)


def fail(problem: str, code: int) -> int:
    """The exit code, after one line about what is wrong."""
    print("error: " + " ".join(problem.split()), file=sys.stderr)
    return code


def flag_of(module: ModuleType, name: str) -> str:
    """The flag behind a parameter of a run: `seed` is set by `--seeds`."""
    if not name:
        return ""
    known = list(flags.define(module))
    match = [n for n in (name, f"{name}s") if n in known]
    return f"--{(match or [name])[0]}"


class Answer(NamedTuple):
    """How a command ended, and the folder of its results."""

    code: int
    folder: Folder


def answer(module: ModuleType, values: FlagValues) -> Answer:
    """Run, load, or only describe what the flags ask of an experiment, and report."""
    name = module_name(module).rpartition(".")[2]
    shard = shares(values)
    use_all_cores()
    use_compile_cache(values.cache)
    sweeps = flags.stated(module, values)
    _check(sweeps, values)
    _check_alone(values, shard)
    now = moment()
    asked = {key: (sweep, sweep.job(at=now)) for key, sweep in sweeps.items()}
    home = Path("results", name)
    folder = Folder(Path(values.out)) if values.out else Folder.found(home, asked)
    machine = machine_to_plan(values)
    if values.dry_run:
        print(description(name, asked, folder, values, machine))
        return Answer(DONE, folder)
    if values.plot_only:
        saved = folder.load()
        if saved is None:
            raise BadValue("plot_only", f"no results in {folder.path} to draw")
        say_what_changed(folder, asked)
        return Answer(_report(module, folder, saved, values.fail_on_diverged), folder)
    folder.claim(asked, values.resume, values.overwrite)
    begun = begin(folder, module, values, asked)
    results = _compute(name, asked, folder, values, shard)
    if any((ds.status == "not run").any() for ds in results.values()):
        print(f"{name}: this share is done; the last to finish draws the figure")
        return Answer(DONE, folder)
    if not _saved_before(folder, results):
        say_what_is_left(folder, results)
        folder.save(results)
        end(folder, begun, results)
    return Answer(_report(module, folder, results, values.fail_on_diverged), folder)


def _check_module(module: ModuleType) -> None:
    """Refuse what is no experiment before anything runs."""
    for name in ("sweeps", "figure", "claims"):
        if not callable(getattr(module, name, None)):
            wanted = "an experiment has sweeps, figure and claims"
            told = f"{module_name(module)} has no function {name}; {wanted}"
            raise BadValue("", told)


def _check(sweeps: dict[str, Sweep], values: FlagValues) -> None:
    if "main" not in sweeps:
        raise BadValue("", f"sweeps() has no main among {', '.join(sweeps) or 'none'}")
    for name in sweeps.keys() & sweeps["main"].grid.lengths.keys():
        told = f"the sweep {name} is named as an axis of main is; call it otherwise"
        raise BadValue("", told)  # netCDF has one name for both
    runs, most = sum(map(len, sweeps.values())), values.max_runs
    if most and runs > most:
        raise Refused(f"--max_runs: {runs} runs are more than {most}")
    if values.chunk < 0:
        raise BadValue("chunk", f"must be 0 or more, got {values.chunk}")


def _check_alone(values: FlagValues, shard: tuple[int, int]) -> None:
    if values.overwrite and shard[1] > 1:
        told = f"{shard[1]} processes would remove each other's work; remove it first"
        raise BadValue("overwrite", told)


def _compute(
    name: str,
    asked: Asked,
    folder: Folder,
    values: FlagValues,
    shard: tuple[int, int],
) -> dict[str, xr.Dataset]:
    results = {}
    with workers(values) as client, _ahead(asked, folder, values, shard):
        for key, (sweep, job) in asked.items():
            print(f"{name}: {key}: {sweep}", flush=True)
            results[key] = sweep.compute(
                store=folder.store(key),
                progress=True,
                chunk=values.chunk or None,
                shard=shard,
                client=client,
                job=job,
            )
            print(f"{name}: {key}: {spent(results[key], folder.store(key))}")
    return results


def _ahead(
    asked: Asked, folder: Folder, values: FlagValues, shard: tuple[int, int]
) -> AbstractContextManager[None]:
    """Meanwhile the programs are made of all sweeps of which nothing is stored."""
    if values.scheduler:  # whose workers make their own
        return nullcontext()
    how: dict[str, Any] = {"chunk": values.chunk or None, "shard": shard}
    fresh = {k: v for k, v in asked.items() if not folder.store(k).exists()}
    return Ahead([partial(s.prepare, job=job, **how) for s, job in fresh.values()])


def _saved_before(folder: Folder, results: dict[str, xr.Dataset]) -> bool:
    """Whether nothing was run, and these very runs are saved and recorded already."""
    saved = folder.load() or {}
    if not folder.record().get("finished", True):
        return False
    ran = (json.loads(ds.attrs["provenance"])["run_seconds"] for ds in results.values())
    return not any(ran) and all(
        name in saved and ds.equals(saved[name]) for name, ds in results.items()
    )


def _report(
    module: ModuleType, folder: Folder, results: dict[str, xr.Dataset], strict: bool
) -> int:
    report(module, folder, results)
    left = sum(int((ds.status == "diverged").sum()) for ds in results.values())
    return DIVERGED if left and strict else DONE

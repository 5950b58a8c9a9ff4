"""A script for a SLURM array whose tasks share an experiment's runs."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from memjax.cli import flags
from memjax.cli.grammar import whole
from memjax.engine import BadValue

SCRIPT = """#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{last}
#SBATCH --output=slurm-%A-%a.out
#SBATCH --open-mode=append
#SBATCH --cpus-per-task=2
#SBATCH --time=04:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
# For a GPU each: #SBATCH --gpus=1

# Submit it where all nodes see this folder. Each task takes its share of the runs and
# keeps what is finished; a task that runs out of time or is preempted goes on where it
# was, and the last one to finish draws the figure.
task="${{SLURM_ARRAY_JOB_ID}}_${{SLURM_ARRAY_TASK_ID}}"
trap 'scontrol requeue "$task"; kill "$work"' USR1
{command} &
work=$!
wait "$work"
"""


def script(name: str, module: ModuleType, words: Sequence[str]) -> str:
    """The script, for flags that the experiment takes; `--tasks` is the array's."""
    tasks, given = 16, []
    for word in words:
        if word.startswith("--tasks="):
            tasks = _count(word.removeprefix("--tasks="))
        else:
            given.append(word)
    flags.stated(module, flags.parse(module, [name, *given]))
    command = shlex.join(["memjax", "run", name, *given])
    return SCRIPT.format(name=Path(name).stem, last=tasks - 1, command=command)


def _count(text: str) -> int:
    try:
        count = whole(text)
    except ValueError as problem:
        raise BadValue("", f"--tasks: {problem}") from None
    if count < 1:
        raise BadValue("", f"--tasks: must be 1 or more, got {count}")
    return count

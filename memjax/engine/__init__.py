"""Grids of runs as compiled calls with labelled results.

What is asked, planned, run and kept: four folders, and each imports only those before.
"""

from memjax.engine.asked.axes import Per as Per
from memjax.engine.asked.axes import Zipped as Zipped
from memjax.engine.asked.axes import per as per
from memjax.engine.asked.axes import zipped as zipped
from memjax.engine.asked.parameters import BadValue as BadValue
from memjax.engine.asked.parameters import between as between
from memjax.engine.asked.parameters import finely as finely
from memjax.engine.asked.parameters import inside as inside
from memjax.engine.asked.parameters import labelled as labelled
from memjax.engine.asked.parameters import one_of as one_of
from memjax.engine.asked.parameters import parsed as parsed
from memjax.engine.asked.parameters import seeds as seeds
from memjax.engine.kept.store import Refused as Refused
from memjax.engine.planned import machines as machines
from memjax.engine.planned.plan import Plan as Plan
from memjax.engine.run.devices import use_all_cores as use_all_cores
from memjax.engine.snapshots import Snapshots as Snapshots
from memjax.engine.sweeps import Sweep as Sweep
from memjax.engine.sweeps import sweep as sweep

"""Grids of runs as compiled calls with labelled results."""

from memjax.sweep.devices import use_all_cores as use_all_cores
from memjax.sweep.grid import BadValue as BadValue
from memjax.sweep.grid import Per as Per
from memjax.sweep.grid import Zipped as Zipped
from memjax.sweep.grid import between as between
from memjax.sweep.grid import inside as inside
from memjax.sweep.grid import labelled as labelled
from memjax.sweep.grid import one_of as one_of
from memjax.sweep.grid import per as per
from memjax.sweep.grid import seeds as seeds
from memjax.sweep.grid import zipped as zipped
from memjax.sweep.plan import Plan as Plan
from memjax.sweep.results import Spread as Spread
from memjax.sweep.results import spread as spread
from memjax.sweep.snapshots import Snapshots as Snapshots
from memjax.sweep.store import Refused as Refused
from memjax.sweep.sweep import Sweep as Sweep
from memjax.sweep.sweep import sweep as sweep

"""memjax: grids of tiny training runs as one compiled JAX call."""

# Rooms
from memjax import datasets as datasets
from memjax import kernels as kernels
from memjax import losses as losses
from memjax import models as models
from memjax import observables as observables
from memjax import schedules as schedules
from memjax import theory as theory

# A claim: published against measured
from memjax.claims import BadTable as BadTable
from memjax.claims import Claim as Claim
from memjax.claims import Claims as Claims
from memjax.claims import Estimate as Estimate
from memjax.claims import NotRun as NotRun
from memjax.claims import Results as Results
from memjax.claims import at as at
from memjax.claims import averaged as averaged
from memjax.claims import away as away
from memjax.claims import change as change
from memjax.claims import decay as decay
from memjax.claims import estimate as estimate
from memjax.claims import extreme as extreme
from memjax.claims import farthest as farthest
from memjax.claims import first_step as first_step
from memjax.claims import judged as judged
from memjax.claims import late as late
from memjax.claims import least as least
from memjax.claims import least_to_most as least_to_most
from memjax.claims import over as over
from memjax.claims import reached as reached
from memjax.claims import vertex as vertex

# Grids of runs
from memjax.engine import BadValue as BadValue
from memjax.engine import Refused as Refused
from memjax.engine import Snapshots as Snapshots
from memjax.engine import Sweep as Sweep
from memjax.engine import between as between
from memjax.engine import finely as finely
from memjax.engine import inside as inside
from memjax.engine import labelled as labelled
from memjax.engine import machines as machines
from memjax.engine import one_of as one_of
from memjax.engine import parsed as parsed
from memjax.engine import per as per
from memjax.engine import seeds as seeds
from memjax.engine import sweep as sweep
from memjax.engine import use_all_cores as use_all_cores
from memjax.engine import zipped as zipped
from memjax.lanes import lane_by_lane as lane_by_lane
from memjax.legs import Legs as Legs
from memjax.legs import every as every
from memjax.legs import iterate as iterate
from memjax.legs import spaced as spaced
from memjax.legs import walk as walk

# One point, one measure, one run
from memjax.measure import Data as Data
from memjax.measure import Model as Model
from memjax.measure import expect as expect
from memjax.measure import packed as packed
from memjax.measure import prefix as prefix
from memjax.quantities import named as named

# Repeats
from memjax.statistics import compare as compare
from memjax.statistics import fit as fit
from memjax.statistics import interval as interval
from memjax.statistics import redrawn as redrawn
from memjax.statistics import spread as spread
from memjax.statistics import tidy as tidy
from memjax.trackers import track as track

# Gradient training
from memjax.train import descend as descend
from memjax.train import minibatch as minibatch
from memjax.train import resampled as resampled
from memjax.train import thinned as thinned
from memjax.train import train as train

__version__ = "0.1.0"

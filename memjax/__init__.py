"""memjax: grids of tiny training runs as one compiled JAX call."""

# One point, one measure, one run
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
from memjax.claims import Estimate as Estimate
from memjax.claims import NotRun as NotRun
from memjax.claims import at as at
from memjax.claims import away as away
from memjax.claims import change as change
from memjax.claims import estimate as estimate
from memjax.claims import farthest as farthest
from memjax.claims import judged as judged
from memjax.claims import vertex as vertex
from memjax.core import Data as Data
from memjax.core import Legs as Legs
from memjax.core import Model as Model
from memjax.core import every as every
from memjax.core import expect as expect
from memjax.core import iterate as iterate
from memjax.core import named as named
from memjax.core import packed as packed
from memjax.core import prefix as prefix
from memjax.core import walk as walk

# Grids of runs
from memjax.sweep import BadValue as BadValue
from memjax.sweep import Refused as Refused
from memjax.sweep import Snapshots as Snapshots
from memjax.sweep import Sweep as Sweep
from memjax.sweep import between as between
from memjax.sweep import inside as inside
from memjax.sweep import labelled as labelled
from memjax.sweep import one_of as one_of
from memjax.sweep import per as per
from memjax.sweep import seeds as seeds
from memjax.sweep import spread as spread
from memjax.sweep import sweep as sweep
from memjax.sweep import use_all_cores as use_all_cores
from memjax.sweep import zipped as zipped

# Gradient training
from memjax.train import descend as descend
from memjax.train import minibatches as minibatches
from memjax.train import thinned as thinned
from memjax.train import train as train

__version__ = "0.1.0"

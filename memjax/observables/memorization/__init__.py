"""Which points are memorized, how much, and who can tell; listed in docs/metrics.md."""

from memjax.observables.memorization.bits import parameter_count as parameter_count
from memjax.observables.memorization.bits import stored_bits as stored_bits
from memjax.observables.memorization.masks import Known as Known
from memjax.observables.memorization.masks import consistency as consistency
from memjax.observables.memorization.masks import influence as influence
from memjax.observables.memorization.masks import memorization as memorization
from memjax.observables.memorization.ranks import auc as auc
from memjax.observables.memorization.ranks import binary_auc as binary_auc
from memjax.observables.memorization.ranks import binary_precision as binary_precision
from memjax.observables.memorization.ranks import data_copying as data_copying
from memjax.observables.memorization.ranks import exposure as exposure
from memjax.observables.memorization.ranks import lira as lira
from memjax.observables.memorization.ranks import logit_confidence as logit_confidence
from memjax.observables.memorization.ranks import (
    true_positive_rate as true_positive_rate,
)
from memjax.observables.memorization.slopes import curvature as curvature
from memjax.observables.memorization.slopes import el2n as el2n
from memjax.observables.memorization.slopes import forgetting as forgetting
from memjax.observables.memorization.slopes import grand as grand
from memjax.observables.memorization.slopes import hutchinson as hutchinson
from memjax.observables.memorization.slopes import tracin as tracin

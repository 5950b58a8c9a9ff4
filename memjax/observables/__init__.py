"""Observables: plain functions of parameters, outputs and data."""

from memjax.observables import spectral as spectral
from memjax.observables.classification import accuracy as accuracy
from memjax.observables.classification import entropy as entropy
from memjax.observables.classification import memorized_bits as memorized_bits
from memjax.observables.features import circulant_deviation as circulant_deviation
from memjax.observables.features import cosine as cosine
from memjax.observables.features import power_order as power_order
from memjax.observables.norms import distance as distance
from memjax.observables.norms import l2 as l2
from memjax.observables.norms import layer_l2 as layer_l2

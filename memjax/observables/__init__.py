"""Observables: plain functions of parameters, outputs and data."""

from memjax.observables import spectral as spectral
from memjax.observables.calibration import calibration_error as calibration_error
from memjax.observables.classification import accuracy as accuracy
from memjax.observables.classification import entropy as entropy
from memjax.observables.classification import memorized_bits as memorized_bits
from memjax.observables.classification import supported as supported
from memjax.observables.features import circulant_deviation as circulant_deviation
from memjax.observables.features import cosine as cosine
from memjax.observables.features import power_order as power_order
from memjax.observables.fits import power_law as power_law
from memjax.observables.fourier import at_frequency as at_frequency
from memjax.observables.fourier import dominant_frequency as dominant_frequency
from memjax.observables.fourier import inverse_participation as inverse_participation
from memjax.observables.fourier import one_frequency as one_frequency
from memjax.observables.fourier import phase as phase
from memjax.observables.fourier import phase_error as phase_error
from memjax.observables.fourier import spectrum as spectrum
from memjax.observables.jacobians import along as along
from memjax.observables.jacobians import iterated as iterated
from memjax.observables.jacobians import nearest as nearest
from memjax.observables.jacobians import spectral_radius as spectral_radius
from memjax.observables.norms import distance as distance
from memjax.observables.norms import l2 as l2
from memjax.observables.norms import layer_l2 as layer_l2

"""Kernel machines: kernels in a metric, fits, the features they learn, deep kernels."""

from memjax.kernels import dual as dual
from memjax.kernels import eigenpro as eigenpro
from memjax.kernels.features import agop as agop
from memjax.kernels.features import agop_root as agop_root
from memjax.kernels.features import gradients as gradients
from memjax.kernels.features import root as root
from memjax.kernels.fits import Factors as Factors
from memjax.kernels.fits import eigh as eigh
from memjax.kernels.fits import factor as factor
from memjax.kernels.fits import minimum_norm as minimum_norm
from memjax.kernels.fits import path as path
from memjax.kernels.fits import pooled as pooled
from memjax.kernels.fits import ridge as ridge
from memjax.kernels.fits import top as top
from memjax.kernels.metric import Kernel as Kernel
from memjax.kernels.metric import gaussian as gaussian
from memjax.kernels.metric import gram as gram
from memjax.kernels.metric import inner as inner
from memjax.kernels.metric import laplace as laplace
from memjax.kernels.metric import products as products
from memjax.kernels.metric import quadratic as quadratic
from memjax.kernels.metric import slopes as slopes
from memjax.kernels.neighbors import hilbert as hilbert
from memjax.kernels.neighbors import nearest as nearest
from memjax.kernels.random import cosines as cosines

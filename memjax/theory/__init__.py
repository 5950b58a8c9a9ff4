"""Closed forms and convex optima that simulations are held against."""

from memjax.theory import convex as convex
from memjax.theory import cycles as cycles

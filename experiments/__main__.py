"""`python -m experiments` lists what there is."""

import experiments
from memjax.cli import catalogue

print(catalogue(experiments))

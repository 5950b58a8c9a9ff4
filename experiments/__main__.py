"""`python -m experiments` lists what there is, records it, and keeps the score."""

import sys

import experiments
from memjax.cli import catalogue

if __name__ == "__main__":
    sys.exit(catalogue(experiments, sys.argv))

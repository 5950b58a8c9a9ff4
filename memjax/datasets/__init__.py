"""Datasets: makers of static shape whose datasets are drawn by key, size and dials."""

from memjax.datasets import graphs as graphs
from memjax.datasets.circle import circle as circle
from memjax.datasets.digits import digits as digits
from memjax.datasets.grams import gaussian_gram as gaussian_gram
from memjax.datasets.modular import held_out as held_out
from memjax.datasets.modular import modular as modular
from memjax.datasets.modular import modular_difference as modular_difference
from memjax.datasets.modular import modular_product as modular_product
from memjax.datasets.modular import modular_quotient as modular_quotient
from memjax.datasets.modular import modular_sum as modular_sum
from memjax.datasets.modular import one_hot_pair as one_hot_pair
from memjax.datasets.modular import reflection as reflection
from memjax.datasets.overlapping import overlapping as overlapping
from memjax.datasets.parts import Parts as Parts
from memjax.datasets.parts import mislabeled as mislabeled
from memjax.datasets.parts import uniform_on as uniform_on
from memjax.datasets.random_labels import classes_at as classes_at
from memjax.datasets.random_labels import cube as cube
from memjax.datasets.random_labels import exponential as exponential
from memjax.datasets.random_labels import gaussian as gaussian
from memjax.datasets.random_labels import power_law as power_law
from memjax.datasets.random_labels import random_labels as random_labels
from memjax.datasets.random_labels import uniform as uniform
from memjax.datasets.rules_and_facts import Labeled as Labeled
from memjax.datasets.rules_and_facts import rules_and_facts as rules_and_facts
from memjax.datasets.successors import successors as successors

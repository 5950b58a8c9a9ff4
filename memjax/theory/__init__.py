"""Theory that simulations are held against: closed forms, fixed points, optima."""

from memjax.theory import autoencoder as autoencoder
from memjax.theory import benign_cnn as benign_cnn
from memjax.theory import capacity as capacity
from memjax.theory import circle as circle
from memjax.theory import classification as classification
from memjax.theory import convex as convex
from memjax.theory import cycles as cycles
from memjax.theory import double_descent as double_descent
from memjax.theory import eigenframework as eigenframework
from memjax.theory import eigenpro as eigenpro
from memjax.theory import multiple_descent as multiple_descent
from memjax.theory import rules_and_facts as rules_and_facts

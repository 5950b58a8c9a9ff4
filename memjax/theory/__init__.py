"""Closed forms and fixed points: pure functions of numbers, to sweep like any run."""

from memjax.theory import rules_and_facts as rules_and_facts

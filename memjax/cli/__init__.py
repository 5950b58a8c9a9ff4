"""Experiments as commands: `if __name__ == "__main__": launch(__name__)`."""

from memjax.cli.catalogue import catalogue as catalogue
from memjax.cli.launch import launch as launch

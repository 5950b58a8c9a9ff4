"""Experiments: each module states sweeps, draws a figure and makes claims."""

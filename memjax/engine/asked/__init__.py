"""What is asked: parameters, a grid of lanes, and the run as a trace."""

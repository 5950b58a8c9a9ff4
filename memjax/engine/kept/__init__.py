"""What is kept: blocks, traces and plans on disk; results with labels."""

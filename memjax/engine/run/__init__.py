"""What is run: blocks as calls of compiled programs, and what they return."""

"""What the systems are given to do, and what is noted of each run."""

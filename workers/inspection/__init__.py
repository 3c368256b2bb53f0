"""Engines that look at a file, and the verdict they add up to."""

"""The clients: what they send, how fast, and what they saw."""

"""Tells webhooks what happened: a worker of its own, for those who are called may be slow."""

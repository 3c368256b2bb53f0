"""Who is asking, how often, from where, and which headers every answer carries."""

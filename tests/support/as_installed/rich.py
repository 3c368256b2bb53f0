"""Not there: who imports it where it can would start otherwise than where people install this."""

raise ModuleNotFoundError("left out, as from requirements/run.txt")

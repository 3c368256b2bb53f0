"""What comes in and goes out over HTTP, and the heart that both packages share."""

import gc

# Objects made since the last look for garbage. With Python's 700 a quarter of the processor time
# that each process takes to start went by in looking through what it had just loaded and keeps.
gc.set_threshold(10_000, *gc.get_threshold()[1:])

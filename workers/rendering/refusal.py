"""The one word between the decoders in the cell and the task that drives them."""


class Refused(Exception):
    """Raised when a file is not worth decoding: too large, empty, or locked."""

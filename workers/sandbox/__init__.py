"""The parser cell: throw-away children that parse bytes of strangers and own nothing."""

"""Where facts are kept: the Records protocol and its SQL implementation."""

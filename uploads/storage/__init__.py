"""Where bytes are kept: the Storage protocol and its one implementation, S3."""

"""The heart: what a document is, what may become of it, and the verbs. Knows no framework."""

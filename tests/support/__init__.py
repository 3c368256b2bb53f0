"""What several suites share: real sample files, real parts, the running stack."""

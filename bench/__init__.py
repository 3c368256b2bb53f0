"""Measures this service beside others on one machine: `make bench`. No part of the service."""

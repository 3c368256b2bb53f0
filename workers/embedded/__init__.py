"""The whole service on one machine: the parts, their order, and the supervisor that keeps them."""

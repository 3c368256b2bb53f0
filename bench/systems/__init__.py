"""What is measured: how each system is started, spoken to and stopped."""

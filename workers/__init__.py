"""What happens to a file after it was accepted, and the operator's hand.

This package never imports a door (`uploads.api`, `uploads.web`) or Flask.
"""

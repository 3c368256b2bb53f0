"""What comes in and goes out over HTTP, and the heart that both packages share."""

"""What is seen; no engine."""

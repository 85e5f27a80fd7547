"""What is open, as values and signals; no widgets."""

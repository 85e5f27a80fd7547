"""How far a restoration is from the truth, in numbers."""

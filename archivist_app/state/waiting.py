"""What the window says while something is being opened."""

OPENING = "Opening…"
OPENING_DEMO = "Preparing the demo photographs…"

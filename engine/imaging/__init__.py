"""Masters in and derivatives out: decoding, colour, encoding, pyramids and tile plans. No torch, no Qt."""

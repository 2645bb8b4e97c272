"""Building blocks, and the reader of the papers' architecture tables."""

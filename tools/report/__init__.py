"""Static pages of a store: what `pixmo report` writes, and a person reviews from disk."""

"""Evaluation sets built from the held-out pictures of a store."""

"""What is said of a release: manifest, card, Croissant metadata, and what changed since another."""

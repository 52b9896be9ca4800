"""Clocks and watches: bodies, times, geometry, drawing, augmentation and the texts about them."""

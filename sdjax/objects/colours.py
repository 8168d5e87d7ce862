"""Albedos of the colour words; no channel reaches 1, so that lit colours are not clipped."""

RED = (0.86, 0.12, 0.10)
ORANGE = (0.95, 0.48, 0.06)
YELLOW = (0.96, 0.80, 0.10)
GREEN = (0.16, 0.60, 0.22)
TEAL = (0.08, 0.62, 0.62)
BLUE = (0.12, 0.30, 0.82)
PURPLE = (0.50, 0.20, 0.70)
PINK = (0.96, 0.50, 0.68)
BROWN = (0.48, 0.27, 0.13)
BLACK = (0.11, 0.11, 0.13)
GREY = (0.52, 0.54, 0.58)
WHITE = (0.93, 0.92, 0.89)

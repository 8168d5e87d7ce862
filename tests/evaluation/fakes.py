"""Judges whose answers are known."""

import numpy as np

from sdjax.objects.prompts import CATEGORIES
from sdjax.objects.variants import COLOURS


class Fixed:
    """It gives the same answers to every picture."""

    def __init__(self, noun="mug", colour="red", octant=0):
        self.given = {
            "object": list(CATEGORIES).index(noun),
            "colour": list(COLOURS).index(colour),
            "direction": octant,
        }

    def answers(self, pictures):
        return {name: np.full(len(pictures), answer) for name, answer in self.given.items()}


class Written:
    """It reads its answers in the first pixel, whose channels `written` has set."""

    def answers(self, pictures):
        names = ("object", "colour", "direction")
        return {name: pictures[:, 0, 0, i].astype(int) for i, name in enumerate(names)}


def written(answers, size=4):
    """Pictures [..., size, size, 3] of answers [..., 3] for `Written`, grey besides."""
    answers = np.asarray(answers, np.uint8)
    pictures = np.full((*answers.shape[:-1], size, size, 3), 128, np.uint8)
    pictures[..., 0, 0, :] = answers
    return pictures

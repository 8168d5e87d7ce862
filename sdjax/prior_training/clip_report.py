"""How well a CLIP tells which caption belongs to a picture."""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sdjax.prior_training.captions import OVERHEAD, Words, caption
from sdjax.prior_training.classifier import QUESTIONS
from sdjax.prior_training.clip_model import Clip
from sdjax.prior_training.clip_scores import (
    picture_features,
    text_features,
    text_image_similarity,
)
from sdjax.prior_training.held_out import HeldOut, all_disturbed, by_noun
from sdjax.prior_training.sources import Bank

AMONG = 64  # captions of different nouns or colours, one of them the picture's


def figures(clip: Clip, shown: HeldOut, seed: int) -> dict[str, Any]:
    """`accuracy` on the renderings as they are, and on disturbed ones."""
    changed = all_disturbed(shown, seed)
    return {"real": accuracy(clip, shown, seed), "disturbed": accuracy(clip, changed, seed)}


def accuracy(clip: Clip, shown: HeldOut, seed: int) -> dict[str, Any]:
    """The part of pictures whose own caption is the nearest, of "all" and of each noun.

    caption: "a red mug" among `AMONG` of the pairs of noun and colour, drawn for each picture.
    object: "a mug" among all nouns.  colour: "a red mug" among all colours of the noun.
    direction: "a red mug, front left view" among the eight directions of the noun and colour.
    """
    pictures, words = picture_features(clip, shown.pictures), shown.words
    pairs = [Words(*pair) for pair in product(QUESTIONS["object"], QUESTIONS["colour"])]
    scores = pictures @ text_features(clip, [caption(one) for one in pairs]).T
    own = np.array([pairs.index(Words(one.noun, one.colour)) for one in words])
    among = _with_own(own, scores.shape[1], seed)
    hits = {
        "caption": np.where(among, scores, -np.inf).argmax(1) == own,
        "object": _nearest(clip, pictures, words, "noun", QUESTIONS["object"], _noun),
        "colour": _nearest(clip, pictures, words, "colour", QUESTIONS["colour"], _colour),
        "direction": _nearest(clip, pictures, words, "octant", QUESTIONS["direction"], _octant),
    }
    everyone = np.ones(len(words), bool)
    sideways = np.array([one.direction != OVERHEAD for one in words])
    counts = {"direction": shown.counts["direction"] & sideways}
    return {name: by_noun(hit, counts.get(name, everyone), words) for name, hit in hits.items()}


def retrieval(clip: Clip, bank: Bank) -> dict[str, Any]:
    """Of pictures of a user's: the part whose own caption is the nearest of all, and the part of
    captions whose picture is; of the first picture of each caption."""
    generator = np.random.default_rng(0)
    captions = [bank.caption(generator, i) for i in range(len(bank.values))]
    first = [captions.index(one) for one in dict.fromkeys(captions)]
    scores = text_image_similarity(clip, bank.values[first], [captions[i] for i in first])
    right = np.arange(len(first))
    return {
        "pictures": len(first),
        "caption_of_picture": round(float(np.mean(scores.argmax(1) == right)), 4),
        "picture_of_caption": round(float(np.mean(scores.argmax(0) == right)), 4),
    }


def _nearest(
    clip: Clip,
    pictures: Float[np.ndarray, "n features"],
    words: Sequence[Words],
    field: str,
    names: Sequence[str],
    said: Callable[[Words], Words],
) -> Bool[np.ndarray, "n"]:
    """Whether what is `said` of a picture fits it best with its own name in `field`."""
    plain = [said(one) for one in words]
    kinds = list(dict.fromkeys(one._replace(**{field: names[0]}) for one in plain))
    texts = [caption(kind._replace(**{field: name})) for kind in kinds for name in names]
    vectors = text_features(clip, texts).reshape(len(kinds), len(names), -1)
    kind = np.array([kinds.index(one._replace(**{field: names[0]})) for one in plain])
    scores = np.einsum("nf,nkf->nk", pictures, vectors[kind])
    return scores.argmax(1) == [names.index(getattr(one, field)) for one in words]


def _noun(words: Words) -> Words:
    return Words(words.noun, "")


def _colour(words: Words) -> Words:
    return Words(words.noun, words.colour)


def _octant(words: Words) -> Words:
    return Words(words.noun, words.colour, octant=words.octant)


def _with_own(own: np.ndarray, number: int, seed: int) -> Bool[np.ndarray, "n {number}"]:
    """`AMONG` of so many captions for each picture, drawn at random, its own among them."""
    drawn = np.random.default_rng(seed).uniform(size=(len(own), number))
    drawn[np.arange(len(own)), own] = -1.0
    return drawn.argsort(1).argsort(1) < AMONG

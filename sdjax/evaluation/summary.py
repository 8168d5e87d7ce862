"""Figures of single particles as means with intervals: over all, noun by noun, prompt by prompt."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sdjax.evaluation.intervals import Mean, mean_of
from sdjax.evaluation.judging import Row
from sdjax.evaluation.measured import SOURCES, Measured

OF_PARTICLES = (  # a value of each particle
    "confirmed",
    "noun",
    "colour",
    "view_agreement",
    "distance",
    "object_distance",
    "psnr",
    "detail",
)
OF_PROMPTS = ("diversity", "objects")  # a value of each prompt
Summary = dict[str, dict[str, Any]]  # by source, then by figure: mean, half, number


def summary(found: Iterable[Measured]) -> Summary:
    """Of each source every figure: its mean, half of its 95 % interval, and the number of values
    (`mean_of`): of particles, a seed of a prompt each, or of prompts."""
    found = list(found)
    rows = [row for one in found for row in one.rows]
    groups = [row for one in found for row in one.together]
    of_particles = {source: _means(_from(rows, source), OF_PARTICLES) for source in SOURCES}
    of_prompts = {source: _means(_from(groups, source), OF_PROMPTS) for source in SOURCES}
    return {source: of_particles[source] | of_prompts[source] for source in SOURCES}


def by_noun(found: Iterable[Measured]) -> dict[str, Summary]:
    """`summary` of the prompts of each noun."""
    nouns: dict[str, list[Measured]] = {}
    for one in found:
        nouns.setdefault(one.asked.noun, []).append(one)
    return {noun: summary(own) for noun, own in nouns.items()}


def content(found: Sequence[Measured], about: Mapping[str, Any]) -> dict[str, Any]:
    """What metrics.json holds: `about` the measure, the means, and every single figure."""
    times = mean_of(one.wall_time for one in found)
    return {
        **about,
        "prompts": len(found),
        "wall_time": None if times is None else times._asdict(),
        "all": summary(found),
        "nouns": by_noun(found),
        "telling": {one.asked.prompt: one.telling for one in found},
        "particles": [row for one in found for row in one.rows],
        "together": [row for one in found for row in one.together],
    }


def _from(rows: Sequence[Row], source: str) -> list[Row]:
    return [row for row in rows if row["source"] == source]


def _means(rows: Sequence[Row], names: Sequence[str]) -> dict[str, Any]:
    means = {name: mean_of(row.get(name) for row in rows) for name in names}
    return {name: None if mean is None else Mean(*mean)._asdict() for name, mean in means.items()}

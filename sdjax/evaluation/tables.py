"""The figures of a measure as Markdown, and those of several measures side by side."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sdjax.evaluation.intervals import Mean, mean_of
from sdjax.reports.markdown import escaped, table

Content = Mapping[str, Any]  # as metrics.json has it
TITLES = {"run": "3D", "samples": "2D samples", "true": "true renderings"}


class Column(NamedTuple):
    """A figure as tables show it."""

    title: str
    form: str
    scale: float = 1.0

    def shown(self, mean: Mapping[str, Any] | Mean | None) -> str:
        """`93.1 % ± 2.0`, or nothing for None."""
        if mean is None:
            return ""
        value, half, _ = mean if isinstance(mean, Mean) else mean.values()
        unit = self.form.partition("}")[2]
        number = self.form.removesuffix(unit)
        interval = "" if half is None else f" ± {number.format(self.scale * half)}"
        return f"{number.format(self.scale * value)}{interval}{unit}"


COLUMNS = {
    "confirmed": Column("confirmed", "{:.1f} %", 100.0),
    "noun": Column("noun", "{:.1f} %", 100.0),
    "colour": Column("colour", "{:.1f} %", 100.0),
    "view_agreement": Column("view agreement", "{:.1f} %", 100.0),
    "distance": Column("distance", "{:.3f}"),
    "object_distance": Column("distance to one object", "{:.3f}"),
    "psnr": Column("PSNR to it", "{:.1f} dB"),
    "detail": Column("fine detail", "{:.2f}"),
    "diversity": Column("diversity", "{:.3f}"),
    "objects": Column("objects", "{:.1f}"),
}
WALL_TIME = Column("minutes a prompt", "{:.1f}", 1 / 60)
MEANING = """\
Confirmed: views in which the judge sees the noun and the colour. View agreement: views whose
direction, one of eight, is by the judge one of the two nearest to the camera's; of prompts of whose
true renderings it tells enough. Distance: of each view to the nearest true rendering from its
camera, root mean square in [0, 1]; to one object: all views of a seed together. Fine detail: power
above half of Nyquist's frequency, in that of true renderings. Diversity: root mean square between
seeds at the same cameras. Objects: of the catalogue, those nearest to any seed. 2D samples: DDIM,
each view for itself. True renderings: as many random objects. ±: half of the 95 % interval over
particles (a seed of a prompt each), of the last two figures over prompts."""


def page(content: Content, beside: Mapping[str, Content]) -> str:
    """measure.md: the figures of each source, of each noun and of each prompt, and those of other
    measures, by their names."""
    parts = [
        f"# {escaped(content['task'])}",
        _sentence(content),
        MEANING,
        "## Over all",
        table(_over_all(content)),
        "## By noun",
        table(_by_noun(content)),
        "## By prompt",
        table(_by_prompt(content)),
    ]
    if content["missing"]:
        rows = [["without figures", "why"], *map(list, content["missing"].items())]
        parts += ["## Missing", table(rows)]
    if beside:
        parts += ["## Beside others", table(_beside(content, beside))]
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _sentence(content: Content) -> str:
    asked = content["prompts"] + len(content["missing"])
    least = f"{content['least_telling']:.0%}"
    return (
        f"{content['prompts']} of {asked} prompts, {content['seeds']} seeds, {content['views']} "
        f"held-out views each; judge: {escaped(content['judge'])}; sdjax {content['version']}. "
        f"Directions count where it tells {least} of true renderings."
    )


def _over_all(content: Content) -> list[list[str]]:
    rows = [["", *TITLES.values()]]
    for name, column in COLUMNS.items():
        rows.append([column.title, *(column.shown(content["all"][one][name]) for one in TITLES)])
    return [*rows, [WALL_TIME.title, WALL_TIME.shown(content["wall_time"]), "", ""]]


def _by_noun(content: Content) -> list[list[str]]:
    """The run's figures, and beside the first and the fourth those of 2D and of the truth."""
    compared = [(name, one) for name in ("confirmed", "view_agreement") for one in TITLES]
    alone = [("run", name) for name in ("psnr", "detail", "diversity", "objects")]
    keys = [(one, name) for name, one in compared] + alone
    head = [f"{COLUMNS[name].title}, {TITLES[one]}" for one, name in keys]
    rows = [
        [noun, *(COLUMNS[name].shown(own[one][name]) for one, name in keys)]
        for noun, own in content["nouns"].items()
    ]
    return [["", *head], *rows]


def _by_prompt(content: Content) -> list[list[str]]:
    rows = [["", *(column.title for column in COLUMNS.values()), "directions told, true"]]
    for prompt, share in content["telling"].items():
        own = [*content["particles"], *content["together"]]
        own = [row for row in own if row["prompt"] == prompt and row["source"] == "run"]
        cells = [
            column.shown(mean_of(row.get(name) for row in own)) for name, column in COLUMNS.items()
        ]
        rows.append([prompt, *cells, f"{share:.1%}"])
    return rows


def _beside(content: Content, beside: Mapping[str, Content]) -> list[list[str]]:
    head = ["", "prompts", *(column.title for column in COLUMNS.values()), WALL_TIME.title]
    return [head, *(_row(name, one) for name, one in {"this": content, **beside}.items())]


def _row(name: str, content: Content) -> Sequence[str]:
    run = content["all"]["run"]
    cells = [column.shown(run.get(figure)) for figure, column in COLUMNS.items()]
    named = f"{name}: {content['task']}"
    return [named, str(content["prompts"]), *cells, WALL_TIME.shown(content["wall_time"])]

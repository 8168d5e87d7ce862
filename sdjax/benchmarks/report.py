"""Tables of what was measured: Markdown to read, JSON to compare."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdjax.benchmarks.section import Left, Row, Section
from sdjax.files.plain_files import load_json
from sdjax.files.whole_files import write_json, write_whole
from sdjax.reports.markdown import table as markdown_table

MARKDOWN, JSON = "benchmark.md", "benchmark.json"
BEFORE = "Of an earlier command"


def markdown(machine: Mapping[str, Any], sections: Mapping[str, Section]) -> str:
    """All tables, the machine first."""
    told = [sentence(machine)] if machine else []
    parts = ["# Benchmark", *told, *map(section, sections.values())]
    return "\n\n".join(parts) + "\n"


def sentence(machine: Mapping[str, Any]) -> str:
    """What `sdjax.benchmarks.machine.describe` says."""
    return "; ".join(f"{name}: {_shown(value)}" for name, value in machine.items()) + "."


def section(measured: Section) -> str:
    """Title, note and table."""
    rows = [table(measured.rows)] if measured.rows else []
    return "\n\n".join([f"## {measured.title}", measured.note, *rows])


def table(rows: list[Row]) -> str:
    """A Markdown table with the columns of all rows, in the order in which they come."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, *([_shown(row.get(column)) for column in columns] for row in rows)]
    return markdown_table(lines).removesuffix("\n")


def write(folder: Path, machine: Mapping[str, Any], sections: Mapping[str, Section]) -> None:
    """benchmark.md and benchmark.json."""
    write_whole(folder / MARKDOWN, markdown(machine, sections))
    tables = {
        name: {**section._asdict(), "left": [left._asdict() for left in section.left]}
        for name, section in sections.items()
    }
    content = {"machine": dict(machine), "sections": tables}
    write_json(folder / JSON, content)


def former(folder: Path) -> dict[str, Section]:
    """The tables of an earlier command, whose notes then name its machine; none where there is no
    file that can be read."""
    try:
        content = load_json(folder / JSON)
        tables = content["sections"].items()
        return {name: _former(content["machine"], **table) for name, table in tables}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _former(machine: Any, title: str, note: str, rows: list[Row], left: list[Any]) -> Section:
    if BEFORE not in note:
        note = f"{note} {BEFORE} ({sentence(machine).rstrip('.')})."
    return Section(title, note, rows, tuple(Left(**one) for one in left))


def _shown(value: Any) -> str:
    """Three digits of a number; nothing for None; the values of a list one after the other."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return ", ".join(map(_shown, value))
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"

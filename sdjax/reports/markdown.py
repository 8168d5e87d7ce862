"""Tables of Markdown, in which names and prompts are shown as they are."""

import re
from collections.abc import Sequence

_SPECIAL = re.compile(r"[\\`*\[\]<>|~&#$]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def escaped(text: str) -> str:
    """`text` as one line that Markdown, with the HTML that it allows, shows letter by letter."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(text.split()))


def table(rows: Sequence[Sequence[str]]) -> str:
    """The first row as the head of the others; the cells' texts are shown as they are."""
    cells = [[escaped(cell) for cell in row] for row in rows]
    cells.insert(1, ["---"] * len(rows[0]))
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)

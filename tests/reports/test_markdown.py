"""What stands in a Markdown table is what was given."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdjax.reports.markdown import escaped, table


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sd_3d", "sd_3d"),
        ("_a_ b_", r"\_a\_ b\_"),
        ("a | b", r"a \| b"),
        ("<img src=x>", r"\<img src=x\>"),
        ("a\n\nb\tc", "a b c"),
        ("`x` *y* [z](u)", r"\`x\` \*y\* \[z\](u)"),
        ("a\\|", r"a\\\|"),
        ("&lt; $x$ #1", r"\&lt; \$x\$ \#1"),
        ("1.5 dB, 100%", "1.5 dB, 100%"),
    ],
)
def test_escaped(text, shown):
    assert escaped(text) == shown


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_every_row_is_one_line_with_as_many_cells(row):
    lines = table([["a"] * len(row), row]).split("\n")
    assert len(lines) == 4 and lines[-1] == ""
    bars = [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) for line in lines[:3]]
    assert bars == [len(row) + 1] * 3

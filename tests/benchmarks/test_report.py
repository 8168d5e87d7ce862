"""Tables as Markdown and as JSON."""

import json

from sdjax.benchmarks.report import former, markdown, table, write
from sdjax.benchmarks.section import Left, Section

ROWS = [{"batch": 1, "images/s": 12.3456}, {"batch": 16, "images/s": 1234.5, "ratio": None}]
SECTIONS = {"prediction": Section("Title", "What was done.", ROWS, (Left("x4"),))}


def test_a_table_has_the_columns_of_all_rows():
    assert table(ROWS).splitlines() == [
        "| batch | images/s | ratio |",
        "| --- | --- | --- |",
        "| 1 | 12.3 |  |",
        "| 16 | 1234 |  |",
    ]


def test_values_of_a_list_are_shown_one_after_the_other():
    assert (
        table([{"ms": [1.23456, 1234.5], "at": (1, 2)}]).splitlines()[2] == "| 1.23, 1234 | 1, 2 |"
    )


def test_tables_of_an_earlier_command_name_its_machine_once(tmp_path):
    assert former(tmp_path) == {}
    write(tmp_path, {"device": "cpu"}, SECTIONS)
    first = former(tmp_path)
    note = "What was done. Of an earlier command (device: cpu)."
    assert first == {"prediction": SECTIONS["prediction"]._replace(note=note)}
    write(tmp_path, {"device": "tpu"}, first)
    assert former(tmp_path) == first
    (tmp_path / "benchmark.json").write_text("{")
    assert former(tmp_path) == {}


def test_the_machine_comes_first():
    text = markdown({"device": "cpu", "jax": "0.10"}, SECTIONS)
    assert text.startswith("# Benchmark\n\ndevice: cpu; jax: 0.10.\n\n## Title\n\nWhat was done.\n")


def test_json_keeps_all_digits(tmp_path):
    write(tmp_path, {"device": "cpu"}, SECTIONS)
    content = json.loads((tmp_path / "benchmark.json").read_text())
    assert content["sections"]["prediction"]["rows"] == ROWS
    assert content["machine"] == {"device": "cpu"}
    assert content["sections"]["prediction"]["left"] == [{"name": "x4", "why": None}]
    assert (tmp_path / "benchmark.md").read_text() == markdown({"device": "cpu"}, SECTIONS)

"""A damaged entry of the compilation cache is told of once."""

import subprocess
import sys
import warnings

import pytest

from sdjax.runs.compilation_cache import remove_damaged_entries

PROGRAM = """
import sys
import jax
import numpy as np
from sdjax.runs.compilation_cache import remove_damaged_entries

jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
remove_damaged_entries()

def doubled(x):
    return 2 * x

jax.jit(doubled)(np.ones(3, np.float32))
"""


def run(folder):
    """What a process that compiles a program says on stderr."""
    command = [sys.executable, "-c", PROGRAM, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("content", [b"", b"half"], ids=["empty", "cut"])
def test_a_damaged_entry_is_removed_and_the_next_run_is_quiet(tmp_path, content):
    run(tmp_path)
    (entry,) = tmp_path.glob("jit_doubled-*-cache")
    whole = entry.read_bytes()
    entry.write_bytes(content and whole[: len(whole) // 2])
    told = run(tmp_path)
    assert told.count("UserWarning") == 1 and "(jit_doubled)" in told
    assert "was damaged; it is removed and compiled again" in told
    assert len(entry.read_bytes()) > len(whole) // 2
    assert run(tmp_path) == ""


@pytest.fixture
def told(monkeypatch):
    """Warnings as a process without tests shows them."""
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    remove_damaged_entries()
    remove_damaged_entries()
    return shown


def test_other_warnings_are_shown_as_they_were(told):
    warnings.showwarning(UserWarning("the prompt is long"), UserWarning, "x.py", 1)
    assert told == ["the prompt is long"]


def test_where_nothing_can_be_removed_jax_has_the_word(told):
    sentence = "Error reading persistent compilation cache entry for 'never': OSError: no disk"
    warnings.showwarning(UserWarning(sentence), UserWarning, "x.py", 1)
    assert told == [sentence]

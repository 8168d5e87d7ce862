"""A damaged entry of the compilation cache is told of once."""

import bz2
import subprocess
import sys
import warnings
import zlib
from types import SimpleNamespace

import pytest

from sdjax.runs.compilation_cache import remove_damaged_entries

PROGRAM = """
import sys
import warnings
import jax
import numpy as np
from absl import flags
from sdjax.runs.compilation_cache import remove_damaged_entries

jax.config.update("jax_compilation_cache_dir", sys.argv[1])
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
if sys.argv[2:]:
    flags.FLAGS(["a command"])
show = warnings.showwarning
remove_damaged_entries()
assert (warnings.showwarning is show) == (not sys.argv[2:])

def doubled(x):
    return 2 * x

jax.jit(doubled)(np.ones(3, np.float32))
"""


def run(folder, *command):
    """What a process that compiles a program says on stderr; one of a `command`, or the user's."""
    command = [sys.executable, "-c", PROGRAM, str(folder), *command]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


@pytest.mark.parametrize("content", [b"", b"half"], ids=["empty", "cut"])
def test_a_damaged_entry_is_removed_and_the_next_run_is_quiet(tmp_path, content):
    run(tmp_path, "command")
    (entry,) = tmp_path.glob("jit_doubled-*-cache")
    whole = entry.read_bytes()
    entry.write_bytes(content and whole[: len(whole) // 2])
    told = run(tmp_path, "command")
    assert told.count("UserWarning") == 1 and "(jit_doubled)" in told
    assert "was damaged; it is removed and compiled again" in told
    assert len(entry.read_bytes()) > len(whole) // 2
    assert run(tmp_path, "command") == ""


def test_in_a_program_of_the_user_warnings_are_the_users(tmp_path):
    run(tmp_path)
    (entry,) = tmp_path.glob("jit_doubled-*-cache")
    entry.write_bytes(b"")
    told = run(tmp_path)
    assert "Error reading persistent compilation cache entry" in told
    assert entry.read_bytes() == b""


@pytest.mark.parametrize("packer", [zlib, bz2], ids=["zlib", "another library"])
def test_only_what_is_damaged_for_certain_is_removed(told, tmp_path, monkeypatch, packer):
    from jax._src import compilation_cache

    monkeypatch.setattr(compilation_cache, "compress_executable", packer.compress)
    monkeypatch.setattr(compilation_cache, "decompress_executable", packer.decompress)
    config = SimpleNamespace(jax_compilation_cache_dir=str(tmp_path))
    monkeypatch.setattr("sdjax.runs.compilation_cache.jax", SimpleNamespace(config=config))
    whole = packer.compress(b"a program" * 100)
    entries = {"cut": whole[:-9], "empty": b"", "whole": whole, "foreign": b"\xff" + whole[1:-9]}
    for name, content in entries.items():
        (tmp_path / f"jit_f-{name}-cache").write_bytes(content)
    (tmp_path / "jit_g-cut-cache").write_bytes(whole[:-9])
    sentence = "Error reading persistent compilation cache entry for 'jit_f': Error: damaged"
    for _ in range(2):
        warnings.showwarning(UserWarning(sentence), UserWarning, "x.py", 1)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"jit_f-whole-cache", "jit_f-foreign-cache", "jit_g-cut-cache"}
    assert "it is removed and compiled again" in told[0] and told[1] == sentence


@pytest.fixture
def told(monkeypatch):
    """Warnings as a process without tests shows them."""
    shown = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, *_: shown.append(str(message)))
    parsed = SimpleNamespace(FLAGS=SimpleNamespace(is_parsed=lambda: True))
    monkeypatch.setattr("sdjax.runs.compilation_cache.flags", parsed)
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

"""Configurations with fields replaced, left out, moved and made up; what is loaded is complete."""

import functools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ml_collections import FrozenConfigDict

from sdjax.analysis import checks
from sdjax.benchmarks import schema as benchmark
from sdjax.config.errors import UserError
from sdjax.config.tables import flatten, is_table, place
from sdjax.judge_prior import load_config as load_judge
from sdjax.prior_training.kinds import KINDS
from sdjax.priors import PRIORS
from sdjax.runs.combinations import check_config as check_training
from sdjax.runs.schema import load_config as load_training
from sdjax.sample import load_config as load_sample
from sdjax.train_prior import load_config as load_train_prior
from tests.fuzz.promise import FORMS, drawn, kept


def check_prior(config):
    PRIORS[config.prior.name].check(config.prior, config.get("prompt", ""))


LOADED = {  # by source: how it is loaded, and checked
    "demo": (load_training, check_training),
    "stable_diffusion_3d:sdi": (load_training, check_training),
    "sample": (load_sample, check_prior),
    "analysis/trajectories": (checks.load_config, checks.check_config),
    "analysis/inverted_noise": (checks.load_config, checks.check_config),
    "train_prior": (load_train_prior, lambda config: KINDS[config.trains].check(config)),
    "judge_prior": (load_judge, check_prior),
    "benchmark_cpu": (benchmark.load_config, benchmark.check_config),
}
NUMBERS = st.sampled_from([0, -1, 1, 2**31, 2**63, 10**400, 1e308, float("nan"), float("-inf")])
WORDS = st.sampled_from(
    ["", "None", "sds", "vsd", "stable_diffusion", "dense_grid", "nerf", "a red mug", "~", "a\0b"]
)
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | NUMBERS | WORDS | st.text()
VALUES = st.recursive(
    PLAIN | st.binary(),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=8) | st.integers(0, 9), inner, max_size=3)
    ),
    max_leaves=5,
)


@functools.cache
def complete(source):
    """The whole table of a source."""
    return LOADED[source][0](source).to_dict()


@pytest.fixture(scope="module", autouse=True)
def warm():
    """Everything is imported, and what is cached is there; scikit-learn alone takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "tsne_maker", lambda: None)
        for source in LOADED:
            used(source, complete(source))
        yield


def names(source):
    """Of its fields and tables, and such as there are none."""
    fields = list(flatten(complete(source)))
    tables = {field.rpartition(".")[0] for field in fields} - {""}
    odd = st.text(max_size=12) | st.sampled_from(fields).map(lambda name: name[:-1] + "x")
    return st.sampled_from(fields + sorted(tables)) | odd


def changes(source):
    """Fields with new values; LEFT_OUT for those that go."""
    value = VALUES | st.just(LEFT_OUT)
    return st.lists(st.tuples(names(source), value), min_size=1, max_size=4)


LEFT_OUT = object()
SOURCES = st.sampled_from(sorted(LOADED))
TABLES = SOURCES.flatmap(lambda source: st.tuples(st.just(source), changes(source)))
LINES = SOURCES.flatmap(
    lambda source: st.tuples(
        st.just(source),
        st.lists(
            st.tuples(names(source), PLAIN | VALUES).map(lambda pair: f"{pair[0]}={pair[1]}")
            | st.text(),
            max_size=4,
        ),
    )
)


def changed(table, edits):
    """The table, deeply copied, with the edits made where there is a place for them."""
    table = {key: changed(value, ()) if is_table(value) else value for key, value in table.items()}
    for name, value in edits:
        *path, last = name.split(".")
        inner = table
        for part in path:
            inner = inner.get(part) if is_table(inner) else None
        if not is_table(inner):
            continue
        if value is LEFT_OUT:
            inner.pop(last, None)
        else:
            inner[last] = value
    return table


def used(source, given, overrides=()):
    """What the command has of it, before it does anything."""
    load, check = LOADED[source]
    config = load(given, overrides)
    check(config)
    return config


def is_kept(result, source):
    """A configuration that the command would load as it is, or a sentence."""
    if isinstance(result, UserError):
        assert len(str(result)) < 2000
        return
    assert isinstance(result, FrozenConfigDict) and hash(result) is not None
    assert LOADED[source][0](result) == result


@FORMS
def test_any_table_is_a_configuration_or_one_sentence(cases, tmp_path):
    @drawn(cases)
    @given(TABLES)
    def holds(drawn_table):
        source, edits = drawn_table
        table = changed(complete(source), edits)
        is_kept(kept(lambda: used(source, table), tmp_path), source)

    holds()


@FORMS
def test_any_override_is_taken_or_one_sentence(cases, tmp_path):
    """As on the command line, and as a mapping."""

    @drawn(cases)
    @given(LINES, TABLES)
    def holds(lines, tables):
        source, given_lines = lines
        is_kept(kept(lambda: used(source, source, given_lines), tmp_path), source)
        source, edits = tables
        mapping = {name: value for name, value in edits if value is not LEFT_OUT}
        is_kept(kept(lambda: used(source, source, mapping), tmp_path), source)

    holds()


@FORMS
def test_any_file_is_a_configuration_or_one_sentence(cases, tmp_path):
    @drawn(cases)
    @given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode), VALUES, st.booleans())
    def holds(content, value, returns):
        path = tmp_path / "given" / "mine.py"
        path.parent.mkdir(exist_ok=True)
        told = f"def get_config():\n    return {value!r}\n".encode("utf-8", "replace")
        path.write_bytes(told if returns else content)
        kept(lambda: used("demo", str(path)), path.parent)

    holds()


def test_the_table_of_a_source_is_taken_as_it_is(tmp_path):
    for source in LOADED:
        result = kept(lambda source=source: used(source, complete(source)), tmp_path)
        assert not isinstance(result, UserError), result


def test_an_edit_is_made():
    table = changed({"a": {"b": 1, "c": 2}}, [("a.b", 3), ("a.c", LEFT_OUT), ("x.y", 1)])
    assert table == {"a": {"b": 3}}
    other = {}
    place(other, "a.b", 3)
    assert other == table


@pytest.mark.parametrize("source", sorted(LOADED))
def test_every_source_has_names(source):
    assert len(flatten(complete(source))) > 5

"""What is imported is declared in setup.cfg, and nothing else; bounds admit what is supported."""

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
OURS = {"sdjax", "tests"}
TOOLS = {"pytest-xdist", "ruff", "ipykernel"}  # which run the tests and the notebook
DISTRIBUTIONS = packages_distributions() | {"torch": ["torch"], "diffusers": ["diffusers"]}


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def declared(section, option):
    """The requirements of a list in setup.cfg by their names."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = [line for line in config[section][option].split("\n") if line.strip()]
    return {normal(found.name): found for found in map(Requirement, lines)}


REQUIRED = declared("options", "install_requires")
TESTS = declared("options.extras_require", "tests")
EXTRAS = [declared("options.extras_require", name) for name in ("analysis", "diffusers", "parity")]
EXTRA = {name for extra in EXTRAS for name in extra}


def imported(*folders):
    """The distributions that could bring each package that is imported below some folders, and
    whether each import of it stands in a function."""
    found, lazy = {}, {}
    for path in (path for folder in folders for path in (ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text())
        inside = {
            id(node)
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for node in ast.walk(function)
        }
        for node in ast.walk(tree):
            for name in packages_of(node):
                found[name] = {normal(one) for one in DISTRIBUTIONS[name]}
                lazy[name] = lazy.get(name, True) and id(node) in inside
    return found, lazy


def packages_of(node):
    """The packages of others that an import names."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and not node.level:
        names = [node.module]
    else:
        return set()
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - OURS


SOURCES, LAZY = imported("sdjax", "configs")
CHECKS, _ = imported("tests")


@pytest.mark.parametrize("package", SOURCES)
def test_what_the_package_imports_is_declared(package):
    """That of an extra is imported where it is used."""
    is_required = bool(SOURCES[package] & set(REQUIRED))
    assert is_required or (SOURCES[package] & EXTRA and LAZY[package])


@pytest.mark.parametrize("package", CHECKS)
def test_what_the_tests_import_is_declared(package):
    assert CHECKS[package] & (set(REQUIRED) | set(TESTS) | EXTRA)


def test_nothing_else_is_declared():
    """`jaxlib` comes with JAX."""
    used = {name for names in SOURCES.values() for name in names}
    assert set(REQUIRED) <= used
    also = {name for names in CHECKS.values() for name in names}
    assert set(TESTS) <= also | used | TOOLS


@pytest.mark.parametrize(
    ("name", "version", "is_supported"),
    [
        ("jax", "0.9.2", True),
        ("jax", "0.10.2", True),
        ("jax", "0.12.0.1", True),
        ("jax", "0.9.1", False),
        ("jax", "0.13.0", False),
        ("numpy", "2.5.5", True),
        ("numpy", "3.0.0", False),
        ("transformers", "5.24.0", True),
        ("transformers", "6.0.0", False),
    ],
)
def test_the_versions_that_are_supported(name, version, is_supported):
    assert (version in REQUIRED[name].specifier) == is_supported


def test_the_locked_versions_are_among_the_supported():
    lines = (ROOT / ".ci" / "lock-3.11.txt").read_text().splitlines()
    pins = [Requirement(line) for line in lines if not line.startswith("#")]
    locked = {normal(pin.name): next(iter(pin.specifier)).version for pin in pins}
    for name, requirement in (REQUIRED | TESTS).items():
        assert locked[name] in requirement.specifier, name

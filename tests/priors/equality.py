"""Whether two priors are the same."""

import jax
import numpy as np


def assert_same(prior, expected) -> None:
    """All but the function that embeds prompts: settings, tables and parameters, bit for bit."""
    leaves, tree = jax.tree.flatten(prior.replace(embed=expected.embed))
    expected_leaves, expected_tree = jax.tree.flatten(expected)
    assert tree == expected_tree
    for leaf, expected_leaf in zip(leaves, expected_leaves, strict=True):
        assert leaf.dtype == expected_leaf.dtype
        np.testing.assert_array_equal(leaf, expected_leaf)

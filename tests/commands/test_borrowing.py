"""A rule of one configuration within another."""

import pytest

from sdjax.config.borrowing import RULE, with_rule_of
from sdjax.config.errors import UserError
from sdjax.config.loading import load_config
from tests.small_runs import CONFIGS

BASE, SOURCE = CONFIGS / "small_3d" / "common.py", CONFIGS / "embedded_3d" / "consistent3d.py"


def test_the_tables_of_the_rule_change_and_no_others():
    config, base, source = with_rule_of(SOURCE, BASE), load_config(BASE), load_config(SOURCE)
    assert base.rule != source.rule and base.gradient != source.gradient
    assert load_config(config).keys() == base.keys()
    for name in base:
        assert load_config(config)[name] == (source if name in RULE else base)[name], name


def test_it_can_be_changed_further():
    config = with_rule_of(SOURCE, BASE, ("rule", "optimizer"))
    assert load_config(config).optimizer == load_config(SOURCE).optimizer
    config.rule.guidance_scale = 2.0
    assert load_config(config).rule.guidance_scale == 2.0


def test_a_missing_file_is_a_sentence():
    with pytest.raises(UserError, match="There is no configuration file"):
        with_rule_of(CONFIGS / "nothing.py", BASE)

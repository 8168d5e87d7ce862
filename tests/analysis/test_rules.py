import pytest

from sdjax.analysis.rules import of_one_particle
from sdjax.config.errors import UserError
from sdjax.rules.shared import SharedRule
from tests import tiny
from tests.analysis import small


def test_a_rule_of_one_particle_is_itself():
    rule = small.fsd_of(tiny.PRIOR)
    assert of_one_particle(rule) is rule


def test_a_rule_of_many_is_refused():
    shared = SharedRule(*[None] * len(SharedRule._fields))
    with pytest.raises(UserError, match=r"leads each on its own, such as FSD or DSD\.$"):
        of_one_particle(shared)

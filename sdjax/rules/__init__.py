"""Guidance rules, one file each: its equation, its function, its fields and traits.

`RULES` is the only list of them.  `contract` says what a rule is, `kind` what it is to a
configuration.
"""

from sdjax.config.kinds import kinds
from sdjax.rules import (
    asd,
    cfd,
    consistent3d,
    csd,
    dsd,
    dsd_star,
    fsd,
    hifa,
    ism,
    nfsd,
    sdi,
    sds,
    sjc,
)
from sdjax.rules.vsd import exact, learned

RULES = kinds(
    sds.RULE,
    sjc.RULE,
    csd.RULE,
    nfsd.RULE,
    hifa.RULE,
    ism.RULE,
    asd.RULE,
    consistent3d.RULE,
    fsd.RULE,
    cfd.RULE,
    learned.RULE,
    exact.RULE,
    sdi.RULE,
    dsd.RULE,
    dsd_star.RULE,
)

"""From a configuration to an analysis; `ANALYSES` is the only list.

`prepare(config)` of each returns what is left to compute: `drawing.Drawing`.
"""

from sdjax.analysis.figures import initial_noise, inverted_noise, trajectories
from sdjax.config.kinds import Choice, kinds

ANALYSES = kinds(trajectories.ANALYSIS, initial_noise.ANALYSIS, inverted_noise.ANALYSIS)
ANALYSIS = Choice(ANALYSES, meaning="what is drawn")

"""Which moments of a long run are kept, so that what is written of it stays small."""


class Thinned:
    """All moments at first, later one per part of the course so far.

    A moment is kept if it lies `moment / density` after the last one that was: with one at every
    `every`, all up to `density * every` and then `density * log(m / m')` between m' and m.
    """

    def __init__(self, density: int, last: float = 0.0):
        self._density, self._last = density, last

    def keeps(self, moment: float) -> bool:
        """Whether this moment is kept, which then is the last."""
        if moment - self._last < moment / self._density:
            return False
        self._last = moment
        return True

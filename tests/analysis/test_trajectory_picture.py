import numpy as np

from sdjax.analysis.trajectories import Trajectory
from sdjax.analysis.trajectory_picture import WIDTH, trajectory_picture
from tests.analysis.colours import BLUE, GREEN, RED, covered, solid


def test_trajectories_are_three_rows_of_moments_for_each_run():
    rows = [solid(colour, 2, 8, 8) for colour in (RED, GREEN, BLUE)]
    run = Trajectory(np.int32([900, 20]), *rows)
    picture = trajectory_picture({"one": run, "two": run}, {"one": "a", "two": "b"}, "title")
    for colour in (RED, GREEN, BLUE):
        high, wide = covered(picture, colour)
        assert len(high) == 2 * WIDTH and len(wide) == 2 * WIDTH
    first_rows = [covered(picture, colour)[0][0] for colour in (RED, GREEN, BLUE)]
    assert first_rows == sorted(first_rows)

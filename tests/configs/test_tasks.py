"""The configs for tasks take data of any shape, with every game.

`experiments.checks.shapes` trains all combinations; here are those that differ most.
"""

import pytest

from tests.experiments import programs

shapes, _ = programs.load("checks.shapes")
# One task of each game.
TASKS = {game: task for task, games in shapes.GAMES.items() for game in games}


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=str)
def test_every_shape_can_be_traced(shape, tmp_path):
    shapes.trace("cluster", "amm", shape, tmp_path)


@pytest.mark.parametrize("game", TASKS)
def test_every_game_can_be_traced(game, tmp_path):
    shapes.trace(TASKS[game], game, (20, 30, 3), tmp_path)


@pytest.mark.parametrize("game", ["samm", "aim", "aae", "learned_prior"])
def test_vectors_can_be_traced(game, tmp_path):
    shapes.trace(TASKS[game], game, (30,), tmp_path)


@pytest.mark.usefixtures("_in_a_hurry")
@pytest.mark.parametrize(
    ("task", "game", "shape"),
    [
        ("cluster", "amm", (20, 30, 3)),
        ("cluster", "information", (30,)),
        ("cluster", "infogan", (12, 12, 1)),
        ("autoencode", "aim", (30,)),
    ],
)
def test_a_run(task, game, shape, tmp_path):
    shapes.run(task, game, shape, tmp_path)


def test_pixels_are_needed(tmp_path):
    with pytest.raises(
        ValueError, match="models pixels, but examples are vectors of 30"
    ):
        shapes.trace("cluster", "pixelgan", (30,), tmp_path)


@pytest.mark.parametrize("task", shapes.GAMES)
def test_arguments(task):
    with pytest.raises(ValueError, match="game='gon' must be one of"):
        shapes.get_config(task, "game=gon")
    with pytest.raises(ValueError, match="size='tiny' must be one of small"):
        shapes.get_config(task, "size=tiny")
    widths = [
        str(shapes.get_config(task, f"size={size}").game.networks)
        for size in ("small", "medium", "large")
    ]
    assert len(set(widths)) == 3

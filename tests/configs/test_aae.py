"""Adversarial autoencoders, as configs/aae_mnist.py has them, as far as shapes go."""

import jax
import numpy as np
import pytest

from adversarial_latent.evaluation.run import check_evaluation
from adversarial_latent.games import make_game
from configs import aae_mnist

KEY = jax.random.key(0)
X = np.zeros((4, 28, 28, 1), np.float32)
BATCH = {"x": X, "labelled_x": X, "label": np.arange(4)}


@pytest.mark.parametrize(
    ("argument", "code", "networks"),
    [
        ("labels=20", {"y": 10, "z": 10}, "yz"),
        ("consistency", {"y": 10, "z": 10}, "yz"),
        ("task=clustering,k=30", {"y": 30, "z": 5}, "yz"),
        ("task=supervised", {"y": 10, "z": 15}, "z"),
        ("task=codes,prior=swiss_roll", {"z": 2}, "z"),
    ],
)
def test_tasks_have_a_forward_pass_and_infer(argument, code, networks):
    config = aae_mnist.get_config(argument)
    game = make_game(config.game)
    check_evaluation(config, game)
    assert {player.name for player in game.players} == set(config.players)
    assert config.update_order == ""
    assert game.update_order == "alternating"  # as the paper has it
    discriminators = {f"discriminator_{part}" for part in networks}
    assert set(game.modules) == {"encoder", "decoder", *discriminators}

    def infer(params, model_state):
        net = game.bind(params, model_state, KEY, train=False)
        label = (BATCH["label"],) if game.conditional else ()
        return game.encode(net, X, *label), game.sample(net, 3)["x"]

    encoded, drawn = jax.eval_shape(infer, *jax.eval_shape(game.init, KEY, BATCH))
    assert {part: leaf.shape for part, leaf in encoded.items()} == {
        part: (4, dim) for part, dim in code.items()
    }
    assert drawn.shape == (3, 28, 28, 1)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("task=regression", "task='regression' must be one of"),
        (
            "task=codes,consistency",
            "argument consistency requires task=semi_supervised",
        ),
    ],
)
def test_arguments_that_cannot_be(argument, message):
    with pytest.raises(ValueError, match=message):
        aae_mnist.get_config(argument)

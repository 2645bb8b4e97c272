"""What a config leaves to the data."""

import numpy as np
import pytest

from adversarial_latent import games, sizing
from adversarial_latent.data import Dataset, Examples
from adversarial_latent.experiment import make_experiment
from adversarial_latent.networks.table import Table
from configs import autoencode, classify, cluster


def dataset(shape=(16, 12, 3), size=60, classes=4):
    """Random examples, of which each class has as many."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(size, *shape)).astype(np.float32)
    if len(shape) == 3:
        x = (x * 40 + 128).clip(0, 255).astype(np.uint8)
    label = np.arange(size) % classes if classes else None
    part = Examples(x=x, label=label)
    names = tuple(map(str, range(classes)))
    return Dataset("mine", {"train": part, "test": part}, "made up", names)


def test_a_complete_config_needs_no_data():
    config = cluster.get_config("runlocal")
    assert sizing.needs_data(config)
    fitted = sizing.fit_to_data(config, dataset())
    assert not sizing.needs_data(fitted)
    assert sizing.needs_data(config)  # it was not changed
    again = sizing.fit_to_data(fitted, dataset((8, 8, 1)))
    assert again.to_dict() == fitted.to_dict()
    for change in ({"batch_size": 0}, {"evaluators": ("auto",)}):
        changed = fitted.copy_and_resolve_references()
        changed.update(change)
        assert sizing.needs_data(changed)


def test_what_follows_from_the_data():
    config = cluster.get_config()
    fitted = sizing.fit_to_data(config, dataset())
    assert fitted.game.num_components == 4
    assert fitted.batch_size == 32  # the largest power of two of 60
    tables = {name: Table.parse(text) for name, text in fitted.game.networks.items()}
    assert set(tables) == {"encoder", "decoder", "discriminator"}
    assert tables["encoder"].rows[0].channels == "3"
    assert sizing.fit_to_data(config, dataset(size=500)).batch_size == 100
    assert sizing.fit_to_data(config, dataset(classes=0)).game.num_components == 10
    given = sizing.fit_to_data(cluster.get_config("k=7"), dataset())
    assert given.game.num_components == 7


def test_a_number_of_clusters_that_is_to_be_chosen_does_not_follow_from_the_data():
    with pytest.raises(ValueError, match="number of clusters is chosen in training"):
        sizing.fit_to_data(cluster.get_config("k=auto"), dataset())


@pytest.mark.parametrize(
    ("config", "data", "expected"),
    [
        (
            cluster.get_config(),
            dataset(),
            ["clustering", "mixture", "reconstruction", "interpolation", "samples"],
        ),
        (
            cluster.get_config(),
            dataset((5,), classes=0),
            ["clustering", "mixture", "reconstruction"],
        ),
        (
            classify.get_config(),
            dataset(),
            ["classification", "mixture", "reconstruction", "interpolation", "samples"],
        ),
        (
            autoencode.get_config("latent=2"),
            dataset(),
            ["reconstruction", "interpolation", "samples", "manifold", "variations"],
        ),
    ],
)
def test_evaluators_that_suit(config, data, expected):
    names = sizing.fit_to_data(config, data).evaluators
    assert [name for name in names if name != "prior_codes"] == expected


def test_the_pixelcnn_takes_the_shape_of_images():
    config = cluster.get_config("game=pixelgan")
    fitted = sizing.fit_to_data(config, dataset())
    assert tuple(fitted.game.pixelcnn.image_shape) == (16, 12, 3)


def test_ranges_are_checked_before_the_data_are_loaded():
    config = cluster.get_config()
    sizing.check(config)
    config.trials = 0
    with pytest.raises(ValueError, match="trials=0"):
        sizing.check(config)
    config = cluster.get_config()
    config.batch_size = -1
    with pytest.raises(ValueError, match="batch_size=-1"):
        sizing.check(config)


def test_networks_without_presets_are_named():
    config = cluster.get_config()
    config.game.networks.prior = "conv(width=2)"
    with pytest.raises(ValueError, match=r"networks\.prior.*'amm' has presets of enc"):
        sizing.fit_to_data(config, dataset())
    config = cluster.get_config()
    config.game.networks.encoder = "conv(breadth=2)"
    with pytest.raises(ValueError, match=r"networks\.encoder: cannot read 'conv"):
        sizing.fit_to_data(config, dataset())
    with pytest.raises(ValueError, match="is a preset, which needs the shape"):
        games.make_game(cluster.get_config("k=3").game)


def test_a_run_says_what_it_is_about_to_do():
    data = dataset(size=200)
    config = sizing.fit_to_data(cluster.get_config(), data)
    config.update(trials=1, duration="2_epochs", steps_per_call=1)
    examples, parameters, steps = sizing.describe(make_experiment(config, data), data)
    assert examples == (
        "data: 200 train and 200 test images of 16x12x3, 4 classes (made up)"
    )
    assert parameters.startswith("parameters: decoder ")
    assert "prior" not in parameters  # it has none
    assert steps == "training: 4 steps of 100 examples (2 epochs), 1 trial"


def test_networks_are_listed_with_their_parameters():
    data = dataset()
    config = sizing.fit_to_data(cluster.get_config(), data)
    text = sizing.describe_networks(games.make_game(config.game), data)
    decoder, discriminator, encoder, prior = text.split("\n\n")
    assert decoder.startswith("decoder: ")
    assert decoder.splitlines()[0].endswith("parameters, transposed")
    rows = {line.split()[0]: line.split()[-2:] for line in encoder.splitlines()[2:]}
    assert rows["x"] == ["16x12x3", "-"]
    assert rows["x1"] == ["8x6x16", str(4 * 4 * 3 * 16 + 16 + 2 * 16)]
    assert rows["y_mu"] == ["4", str(128 * 4 + 4)]
    assert rows["y"] == ["4", "-"]
    for part in (decoder, discriminator, encoder):
        title, _, *lines = part.splitlines()
        counts = [int(line.split()[-1]) for line in lines if line.split()[-1] != "-"]
        assert f"{sum(counts):,} parameters" in title
    assert prior == "prior: 0 parameters, Mixture"

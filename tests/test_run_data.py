"""The data of a run: no scored example is trained on, and other data are refused."""

import json
import os

import numpy as np
import pytest
from absl import logging
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adversarial_latent import data, run_data
from adversarial_latent.config import default_config
from adversarial_latent.experiment import make_experiment
from configs import samm_digits
from tests.runs import tiny_config, write_npz

SETTINGS = st.fixed_dictionaries(
    {
        "split_seed": st.integers(0, 1000),
        "test_fraction": st.floats(0.05, 0.8),  # more leaves none to hold out
        "num_validation": st.integers(0, 100),
        "limit": st.sampled_from((0, 60, 400)),
        "classes": st.sampled_from(("", "0,1,2", "3,7,8,9")),
        "image_shape": st.just(""),
    }
)


def config_with_classifier(**dataset):
    config = default_config()
    config.dataset.update(dataset)
    config.classifier = default_config()
    return config


@given(run=SETTINGS, classifier=SETTINGS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_scored_example_was_trained_on(run, classifier):
    """Whatever the settings of the run's data and of its classifier's are."""
    config = config_with_classifier(**run)
    config.classifier.dataset.update(classifier)
    dataset = data.load(config.dataset)
    theirs = data.load(run_data.classifier_dataset(config))
    trained_on = {
        name  # the position in the source
        for part in (dataset, theirs)
        for name in part.splits["train"].name
    }
    for split in {"test", "validation"} & dataset.splits.keys():
        assert not trained_on & set(dataset.splits[split].name), split
    described = {"protocol": "", "splits": run_data.describe(dataset, "")["splits"]}
    run_data.check(described, theirs, "the classifier")


def test_labelled_examples_are_training_examples():
    config = samm_digits.get_config("runlocal")
    dataset = data.load(config.dataset)
    pipeline = make_experiment(config, dataset).pipeline
    assert pipeline.resident["x"] is dataset.splits["train"].x


def test_the_classifier_sees_the_data_of_the_run(caplog):
    config = config_with_classifier(split_seed=1, num_validation=100, limit=50)
    config.classifier.dataset.update(split_seed=2, held_out=0.0)
    with caplog.at_level(logging.WARNING, logger="absl"):
        found = run_data.classifier_dataset(config)
    assert (found.split_seed, found.num_validation, found.limit) == (1, 100, 50)
    assert found.held_out == 0.0  # of flowers, drawn from other random numbers
    assert "config.classifier.dataset.split_seed=2 is not used" in caplog.text
    assert "limit" not in caplog.text  # which the classifier's config left open


def saved_run(directory, config):
    """A directory in which a run of `config` has saved something."""
    (directory / "checkpoints" / "4").mkdir(parents=True)
    (directory / "config.json").write_text(config.to_json())
    described = run_data.describe(data.load(config.dataset), str(directory))
    (directory / "dataset.json").write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"split_seed": 1}, r"split 'test': 12 examples, but different ones"),
        ({"limit": 10}, r"split 'test': 12 examples there, 10 here"),
        ({"num_validation": 3}, r"split 'validation': 0 examples there, 3 here"),
    ],
)
def test_other_data_than_those_trained_on_are_refused(tmp_path, change, message):
    config = tiny_config(tmp_path)
    saved_run(tmp_path / "run", config)
    run_data.load(config, str(tmp_path / "run"))
    config.dataset.update(change)
    with pytest.raises(ValueError, match=f"trained on other data(.|\n)*{message}"):
        run_data.load(config, str(tmp_path / "run"))


@pytest.mark.parametrize("array", ["x", "y"])
def test_a_file_that_changed_is_refused(tmp_path, array):
    config = tiny_config(tmp_path)
    saved_run(tmp_path / "run", config)
    arrays = dict(np.load(config.dataset.path))
    arrays[array][[0, 1]] = arrays[array][[1, 0]]
    np.savez(config.dataset.path, **arrays)
    with pytest.raises(ValueError, match="but different ones, or in another order"):
        run_data.load(config, str(tmp_path / "run"))


def test_runs_of_before_data_had_an_identity(tmp_path, caplog):
    config = tiny_config(tmp_path)
    saved_run(tmp_path / "run", config)
    path = tmp_path / "run" / "dataset.json"
    described = json.loads(path.read_text())
    del described["splits"], described["root"]
    path.write_text(json.dumps(described))
    with caplog.at_level(logging.WARNING, logger="absl"):
        run_data.load(config, str(tmp_path / "run"))
    assert "has no record of its training examples" in caplog.text


def test_data_are_found_from_another_directory(tmp_path, monkeypatch):
    config = tiny_config(tmp_path)
    monkeypatch.chdir(tmp_path)
    config.dataset.path = "data.npz"
    saved_run(tmp_path / "run", config)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run_data.load(config, str(tmp_path / "run"))
    # What lies there by the same name is other data, and does not pass for them.
    write_npz("data.npz", size=30)
    run_data.load(config, str(tmp_path / "run"))
    os.remove(tmp_path / "data.npz")
    with pytest.raises(ValueError, match="trained on other data"):
        run_data.load(config, str(tmp_path / "run"))


def test_a_classifier_of_other_data_is_refused(tmp_path):
    config = tiny_config(tmp_path)
    config.classifier = default_config()
    dataset = data.load(config.dataset)
    run_data.check_classifier(config, _classifier(tmp_path, config), dataset)
    other = config.copy_and_resolve_references()
    other.dataset.split_seed = 1
    with pytest.raises(ValueError, match=r"the classifier in .* trained on other data"):
        run_data.check_classifier(config, _classifier(tmp_path, other), dataset)


def _classifier(directory, config):
    workdir = directory / f"classifier{config.dataset.split_seed}"
    saved_run(workdir, config)
    return str(workdir)


def test_runs_that_are_scored_on_other_examples_are_not_compared(tmp_path):
    config = tiny_config(tmp_path)
    names = [str(tmp_path / name) for name in ("a", "b", "c")]
    saved_run(tmp_path / "a", config)
    saved_run(tmp_path / "b", config)
    config.dataset.split_seed = 1
    saved_run(tmp_path / "c", config)
    run_data.check_same_scored(names[:2])
    with pytest.raises(ValueError, match="c cannot be compared: their test splits"):
        run_data.check_same_scored(names)

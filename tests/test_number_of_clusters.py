"""The number of clusters is chosen without labels, and the choice can be resumed."""

import json
import shutil
import signal

import pytest

from adversarial_latent import number_of_clusters, train
from adversarial_latent.evaluation.candidates import FILE, best
from adversarial_latent.experiment import Experiment
from adversarial_latent.inputs import InputError
from adversarial_latent.workdir import load, read_config
from configs import cluster, generate
from tests.runs import assert_same_run, write_npz

CANDIDATES = (2, 3, 4)


def choosing_config(directory, **settings):
    """A run on points in three groups whose number of clusters is chosen."""
    config = cluster.get_config("game=information,k=auto")
    config.dataset.name = "npz"
    config.dataset.path = write_npz(directory / "data.npz")
    config.dataset.test_fraction = 0.2
    config.number_of_clusters.update(candidates=CANDIDATES, duration="2_steps")
    config.update(duration="4_steps", steps_per_call=2, evaluators=("clustering",))
    config.update(settings)
    return config


def scores(**values):
    return {int(k[1:]): {"score": value} for k, value in values.items()}


def test_the_best_has_the_highest_score_and_of_equal_ones_the_fewest_clusters():
    assert best(scores(k2=0.1, k3=0.5, k4=0.4)) == 3
    assert best(scores(k4=0.5 + 1e-9, k3=0.5, k2=0.1)) == 3


@pytest.fixture(scope="module")
def chosen_run(tmp_path_factory):
    """A finished run, whose candidates were trained for 60 steps."""
    directory = tmp_path_factory.mktemp("choice")
    config = choosing_config(directory, duration="60_steps", steps_per_call=20)
    config.number_of_clusters.duration = "60_steps"
    results = train.train_and_evaluate(config, str(directory / "run"))
    return config, directory / "run", results


def test_the_number_of_groups_is_chosen(chosen_run):
    _, run, results = chosen_run
    record = json.loads((run / FILE).read_text())
    assert record["chosen"] == 3
    assert list(record["scores"]) == ["2", "3", "4"]
    assert record["scores"]["3"]["agreement"] == pytest.approx(1)
    # Three groups of equal size: all neighbours agree, and a third by chance.
    assert record["scores"]["3"]["modularity"] == pytest.approx(2 / 3, abs=0.01)
    assert load(str(run)).num_components == 3
    assert read_config(str(run)).game.num_components == 3
    assert len(results["results"]["clustering_accuracy"]["trials"]) == 2


def test_the_report_shows_the_curve(chosen_run):
    _, run, results = chosen_run
    assert (run / "figures" / "number_of_clusters.png").is_file()
    protocol = results["protocol"]["number_of_clusters"]
    assert "3 clusters were chosen of 2, 3, 4" in protocol
    assert "3 classes: not used" in protocol
    assert "Scores of numbers of clusters" in (run / "report.html").read_text()


def test_candidates_are_not_needed_after_the_choice(chosen_run, monkeypatch):
    config, run, results = chosen_run
    shutil.move(run / "number_of_clusters", run.parent / "away")
    monkeypatch.setattr(Experiment, "next_batches", None)
    again = train.train_and_evaluate(config, str(run))
    assert again["results"] == results["results"]
    shutil.move(run.parent / "away", run / "number_of_clusters")


def test_an_interrupted_choice_continues(chosen_run, tmp_path, monkeypatch):
    config, undisturbed, _ = chosen_run
    run = tmp_path / "run"
    trained = []
    next_batches = Experiment.next_batches

    def stop_in_the_second(experiment):
        trained.append(experiment.game.num_components)
        if trained == [2, 2, 2, 3]:
            signal.raise_signal(signal.SIGTERM)
        return next_batches(experiment)

    monkeypatch.setattr(Experiment, "next_batches", stop_in_the_second)
    assert train.train_and_evaluate(config, str(run)) is None
    record = json.loads((run / FILE).read_text())
    assert record["chosen"] is None
    assert list(record["scores"]) == ["2"]
    other = config.copy_and_resolve_references()
    other.ema_decay = 0.5
    with pytest.raises(ValueError, match=r"k2 contains a run with another config"):
        train.train_and_evaluate(other, str(run))
    train.train_and_evaluate(config, str(run))
    assert trained == [2] * 3 + [3] * 3 + [4] * 3 + [3] * 3
    assert (run / FILE).read_text() == (undisturbed / FILE).read_text()
    assert_same_run(run, undisturbed)


def test_candidates_are_runs_of_their_own(chosen_run):
    _, run, _ = chosen_run
    for k in CANDIDATES:
        directory = str(run / "number_of_clusters" / f"k{k}")
        assert read_config(directory).game.num_components == k
        assert load(directory, trial=1).num_components == k


@pytest.mark.usefixtures("_in_a_hurry")
def test_a_run_with_a_given_number_is_no_choice(tmp_path):
    config = choosing_config(tmp_path)
    config.game.num_components = 2
    results = train.train_and_evaluate(config, str(tmp_path / "run"))
    assert "number_of_clusters" not in results["protocol"]
    with pytest.raises(ValueError, match="run with a given number of clusters"):
        train.train_and_evaluate(choosing_config(tmp_path), str(tmp_path / "run"))


def test_candidates_train_no_longer_than_the_run(tmp_path):
    config = choosing_config(tmp_path)
    config.number_of_clusters.duration = "max(1_epochs, 5_steps)"
    dataset = number_of_clusters.run_data.load_examples(config, str(tmp_path))
    for k, candidate in number_of_clusters._configs(config, dataset).items():
        assert candidate.game.num_components == k
        assert candidate.duration == "4_steps"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c.number_of_clusters.update(candidates=(3,)),
            r"candidates=\(3,\) must be several different numbers",
        ),
        (
            lambda c: c.number_of_clusters.update(candidates=(3, 2, 3)),
            "must be several different numbers",
        ),
        (
            lambda c: c.number_of_clusters.update(candidates=(1, 2)),
            r"number_of_clusters\.candidates=\(1, 2\) must be in \[2, 65536\]",
        ),
        (
            lambda c: c.number_of_clusters.update(candidates=(2, 1000)),
            "candidates has 1000, but 'npz' has only 48 training examples",
        ),
        (
            lambda c: c.number_of_clusters.update(duration="soon"),
            "cannot read duration 'soon'",
        ),
        (lambda c: c.update(trials=1), "agreement of trials: set config.trials"),
        (lambda c: c.update(evaluators=("captions",)), "'captions'"),
    ],
)
def test_what_cannot_be_chosen(tmp_path, change, message):
    config = choosing_config(tmp_path)
    change(config)
    with pytest.raises(ValueError, match=message):
        train.train_and_evaluate(config, str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_game_without_clusters(tmp_path):
    config = generate.get_config()
    config.number_of_clusters.candidates = CANDIDATES
    with pytest.raises(InputError, match="'gan' learns no clusters"):
        train.train_and_evaluate(config, str(tmp_path))


def test_arguments_of_the_config():
    assert cluster.get_config("k=auto").number_of_clusters.candidates
    assert not cluster.get_config("k=3").number_of_clusters.candidates
    with pytest.raises(ValueError, match="k='ten' must be a number"):
        cluster.get_config("k=ten")

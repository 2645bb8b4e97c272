"""results.json, figures and report of a whole run."""

import json
import os
import shutil

import numpy as np
import pytest

from adversarial_latent.config import config_hash
from adversarial_latent.data import load
from adversarial_latent.evaluation import evaluate as evaluate_lib
from adversarial_latent.evaluation.evaluate import check_evaluation, evaluate
from adversarial_latent.evaluation.evaluator import Evaluation, evaluator
from adversarial_latent.evaluation.evaluators import get_evaluator
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load_trials, read_config, trained_steps
from tests import toys
from tests.runs import tiny_config


@pytest.fixture
def run(finished_run, tmp_path):
    """A copy of the finished run, to write to."""
    return shutil.copytree(finished_run, tmp_path / "run")


def with_evaluators(run, *names):
    """Has a run evaluated by others than it was launched with."""
    config = read_config(str(run))
    config.evaluators = names
    (run / "config.json").write_text(config.to_json())


def read_results(run):
    return json.loads((run / "results.json").read_text())


def test_layout_of_results(finished_run):
    results = read_results(finished_run)
    assert list(results) == [
        "results",
        "chosen_trial",
        "selection",
        "protocol",
        "step",
        "seeds",
        "config_hash",
        "environment",
    ]
    assert list(results["results"]) == [
        "clustering_error",
        "clustering_accuracy",
        "clustering_error_from_z",
        "clustering_accuracy_from_z",
        "nmi",
        "ari",
        "classifier_agreement",
        "reconstruction_mse",
    ]
    assert results["results"]["nmi"].pop("paper") == 0.5
    for number in results["results"].values():
        assert set(number) == {"mean", "std", "trials", "chosen"}
        assert len(number["trials"]) == 2
        assert np.isfinite(number["trials"]).all()
        assert number["mean"] == np.mean(number["trials"])
        assert number["std"] == np.std(number["trials"])
        assert number["chosen"] == number["trials"][results["chosen_trial"]]
    assert set(results["protocol"]) == {"data", "clustering", "reconstruction"}
    assert "12 examples of the test split" in results["protocol"]["clustering"]
    assert results["step"] == trained_steps(str(finished_run)) > 0
    assert results["seeds"] == [0, 1]
    assert results["config_hash"] == config_hash(read_config(str(finished_run)))
    environment = results["environment"]
    assert environment["num_devices"] == 4
    assert {"commit", "device", "jax", "python"} < set(environment)


def test_numbers_are_those_of_the_trials(finished_run):
    results = read_results(finished_run)["results"]
    test = load(read_config(str(finished_run)).dataset).splits["test"]
    x = test.as_float()
    for trial, model in enumerate(load_trials(str(finished_run))):
        code = model.encode(x)
        mse = np.mean((x - model.decode(code)) ** 2)
        assert results["reconstruction_mse"]["trials"][trial] == pytest.approx(mse)
        clusters = code["y"].argmax(-1)
        right = sum(np.bincount(test.label[clusters == k]).max() for k in set(clusters))
        error = results["clustering_error"]["trials"][trial]
        assert error == pytest.approx(1 - right / len(x))


def test_the_trial_is_chosen_on_training_examples_only(finished_run):
    selection = read_results(finished_run)["selection"]
    assert selection["criterion"] == "agreement"
    # Two trials agree with each other as much as the other way round.
    assert selection["scores"][0] == pytest.approx(selection["scores"][1])
    assert "48 training examples; no labels were seen" in selection["protocol"]


def test_the_criterion_chooses(run, monkeypatch):
    seen = []

    def second(models, x):
        seen.append((len(models), x.shape, x.dtype))
        return np.array([0.25, 0.5])

    monkeypatch.setattr(evaluate_lib, "get_criterion", lambda name: second)
    before, results = read_results(run), evaluate(str(run))
    assert seen == [(2, (48, 2, 2, 1), np.float32)]
    assert results["chosen_trial"] == 1
    assert results["selection"]["scores"] == [0.25, 0.5]
    dataset = load(read_config(str(run)).dataset)
    second_trial = get_evaluator("clustering")(load_trials(str(run))[1], dataset, 0)
    assert results["protocol"]["clustering"] == second_trial.protocol
    for name, number in results["results"].items():
        assert number["chosen"] == number["trials"][1]
        assert number["trials"] == before["results"][name]["trials"]


def test_evaluating_again_writes_the_same_bytes(run):
    names = [
        "results.json",
        "report.html",
        *(f"figures/{n}" for n in os.listdir(run / "figures")),
    ]
    assert len(names) == 7
    before = {name: (run / name).read_bytes() for name in names}
    for name in names:
        (run / name).unlink()
    evaluate(str(run))
    for name, content in before.items():
        assert (run / name).read_bytes() == content, name


def test_arrays_are_those_of_the_chosen_trial(run, monkeypatch):
    with_evaluators(run, "mixture")
    monkeypatch.setattr(
        evaluate_lib, "get_criterion", lambda name: lambda models, x: np.array([0, 1])
    )
    contents = []
    for _ in range(2):
        results = evaluate(str(run))
        contents.append((run / "arrays" / "mixture.npz").read_bytes())
    assert contents[0] == contents[1]
    _, model = load_trials(str(run))
    mixture = model.mixture()
    with np.load(run / "arrays" / "mixture.npz") as arrays:
        assert set(arrays) == {"probabilities", "mean", "log_variance", "distance"}
        np.testing.assert_array_equal(arrays["mean"], mixture.mean)
        np.testing.assert_array_equal(arrays["log_variance"], mixture.log_variance)
        nearest = np.sort(arrays["distance"], axis=1)[:, 1].mean()
    found = results["results"]["nearest_component_distance"]
    assert found["chosen"] == pytest.approx(nearest)
    report = (run / "report.html").read_text()
    assert "arrays/mixture.npz</dt><dd>probabilities [3], mean [3, 2], log_v" in report


def test_a_number_of_two_evaluators_is_there_once(run):
    with_evaluators(run, "clustering", "clustering")
    agreement = evaluate(str(run))["results"]["classifier_agreement"]
    assert len(agreement["trials"]) == 2


def test_results_and_report_of_a_classifier(classifier_run):
    results = read_results(classifier_run)["results"]
    assert list(results) == [
        "classification_error",
        "classification_error_from_z",
        "classifier_agreement",
        "log_p_z",
        "mixture_std",
        "nearest_component_distance",
    ]
    test = load(read_config(str(classifier_run)).dataset).splits["test"]
    errors = [
        np.mean(model.encode(test.as_float())["y"].argmax(-1) != test.label)
        for model in load_trials(str(classifier_run))
    ]
    assert results["classification_error"]["trials"] == pytest.approx(errors)
    protocol = read_results(classifier_run)["protocol"]["data"]
    assert protocol.endswith(
        "; each trial saw 6 training labels, drawn by its seed, as many of each class"
    )
    report = (classifier_run / "report.html").read_text()
    assert "</strong>Classification error: share of test examples" in report


def test_report_shows_the_run(finished_run):
    report = (finished_run / "report.html").read_text()
    assert "AMM on npz" in report
    assert "Trained for 12 steps on 48 examples in 2 trials (seeds 0, 1)." in report
    assert report.count("data:image/png;base64,") == 6  # 5 figures, training curves


def test_a_number_that_is_not_finite_is_named(run, monkeypatch):
    @evaluator("encode")
    def bad(model, judged, seed, draw):
        return Evaluation(results={"nmi": np.nan}, figures={}, protocol="")

    monkeypatch.setattr(evaluate_lib, "get_evaluator", lambda name: bad)
    before = read_results(run)
    with pytest.raises(FloatingPointError, match="nmi of trial 0 is nan"):
        evaluate(str(run))
    assert read_results(run) == before


def test_one_trial_without_labels_or_selection(tmp_path):
    config = tiny_config(tmp_path, labels=False)
    config.update(trials=1, duration="2_steps", selection="")
    config.evaluators = ("clustering", "reconstruction", "interpolation", "samples")
    results = train_and_evaluate(config, str(tmp_path / "run"))
    assert list(results["results"]) == ["classifier_agreement", "reconstruction_mse"]
    (mse,) = results["results"]["reconstruction_mse"]["trials"]
    assert results["results"]["reconstruction_mse"] == {
        "mean": mse,
        "std": 0.0,
        "trials": [mse],
        "chosen": mse,
    }
    assert (results["chosen_trial"], results["selection"]) == (0, None)
    assert results == read_results(tmp_path / "run")
    assert "no labels" in results["protocol"]["clustering"]
    assert {path.name for path in (tmp_path / "run/figures").iterdir()} == {
        "clustering_components.png",
        "clustering_simplex.png",
        "clustering_tsne.png",
        "interpolation.png",
        "reconstruction.png",
        "samples.png",
    }


@pytest.mark.parametrize(
    ("evaluators", "selection", "game", "message"),
    [
        (("clustering",), "", toys.normed_gan(), r"has no \['encode'\]"),
        (("classification",), "", toys.amm(), "a model that learns classes"),
        ((), "agreement", toys.normed_gan(), "infers no clusters to choose a trial by"),
        (("classified",), "", toys.amm(), "unknown evaluator 'classified'"),
        ((), "best", toys.amm(), "unknown selection 'best'"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    evaluators, selection, game, message, tmp_path
):
    config = tiny_config(tmp_path)
    check_evaluation(config, toys.amm())
    config.update(evaluators=evaluators, curves=(), selection=selection)
    with pytest.raises(ValueError, match=message):
        check_evaluation(config, game)


def test_a_directory_without_a_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="is it the --workdir of a run"):
        evaluate(str(tmp_path))

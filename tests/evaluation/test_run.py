"""results.json, figures and report of a whole run."""

import json
import os
import shutil

import ml_collections
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from adversarial_latent.config import config_hash
from adversarial_latent.data import Dataset, Examples, load
from adversarial_latent.evaluation import clusters
from adversarial_latent.evaluation import run as run_lib
from adversarial_latent.evaluation.evaluator import Evaluation, evaluator
from adversarial_latent.evaluation.evaluators import get_evaluator
from adversarial_latent.evaluation.figures import CAPTION_KEY, FIGURES
from adversarial_latent.evaluation.run import (
    check_data,
    check_evaluation,
    draw_figures,
    evaluate,
)
from adversarial_latent.inputs import InputError, MissingInputError
from adversarial_latent.train import train_and_evaluate
from adversarial_latent.workdir import load_trials, read_config, trained_steps
from tests import toys
from tests.runs import logged, tiny_config, write_npz


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
        "left_out",
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
        "clustering_error_from_sampled_z",
        "clustering_accuracy_from_sampled_z",
        "nmi",
        "ari",
        "classifier_agreement",
        "classifier_agreement_from_sampled_z",
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
    assert results["left_out"] == {}
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
    assert "48 training examples, without labels." in selection["protocol"]


def test_the_criterion_chooses(run, monkeypatch):
    seen = []

    def second(models, x):
        seen.append((len(models), x.shape, x.dtype))
        return np.array([0.25, 0.5])

    monkeypatch.setattr(run_lib, "get_criterion", lambda name: second)
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
        *(f"arrays/{n}" for n in os.listdir(run / "arrays")),
    ]
    assert len(names) == 12
    before = {name: (run / name).read_bytes() for name in names}
    for name in names:
        (run / name).unlink()
    evaluate(str(run))
    for name, content in before.items():
        assert (run / name).read_bytes() == content, name


def test_arrays_are_those_of_the_chosen_trial(run, monkeypatch):
    with_evaluators(run, "mixture")
    monkeypatch.setattr(
        run_lib, "get_criterion", lambda name: lambda models, x: np.array([0, 1])
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
        "classification_error_from_sampled_z",
        "classifier_agreement",
        "classifier_agreement_from_sampled_z",
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


def titled(title):
    """A figure drawn from a title alone."""
    figure = Figure()
    figure.set_label(str(title))
    return figure


def other_evaluators(monkeypatch, **functions):
    """Adds evaluators of these names to those that there are."""
    added = {name: evaluator("encode")(make) for name, make in functions.items()}
    monkeypatch.setattr(
        run_lib, "get_evaluator", lambda name: added.get(name) or get(name)
    )
    get = get_evaluator


def test_a_number_that_is_not_finite_is_left_out(run, monkeypatch):
    values = iter([0.5, np.nan])

    def bad(model, data, seed):
        numbers = {"purity": next(values), "size": 2.0}
        return Evaluation(numbers, protocol="of all")

    other_evaluators(monkeypatch, bad=bad)
    with_evaluators(run, "bad", "reconstruction")
    before = read_results(run)["results"]
    results = evaluate(str(run))
    assert results["left_out"] == {"purity": "not finite: 0.5, nan"}
    assert list(results["results"]) == ["size", "reconstruction_mse"]
    assert results["results"]["reconstruction_mse"] == before["reconstruction_mse"]
    assert results["protocol"]["bad"] == "of all"
    assert results == read_results(run)
    report = (run / "report.html").read_text()
    assert "<dt>purity</dt><dd>not finite: 0.5, nan</dd>" in report


def test_what_fails_costs_nothing_else(run, monkeypatch, caplog):
    """A fault of an evaluator or of a figure; reasons are any text."""

    def broken(model, data, seed):
        raise TypeError("caf\udce9 <b>\nsecond line")

    def half(model, data, seed):
        arrays = {
            "values": lambda: {"values": np.ones(2)},
            "good": lambda: {"title": np.array("\udce9")},
            "bad": lambda: {"title": np.array("")},
            "none": lambda: {"title": {}["missing"]},
        }
        return Evaluation({"half": 1.0}, "", arrays)

    other_evaluators(monkeypatch, broken=broken, half=half)
    monkeypatch.setitem(FIGURES, "good", titled)
    monkeypatch.setitem(FIGURES, "bad", lambda title: 1 / 0)
    monkeypatch.setitem(FIGURES, "none", titled)
    with_evaluators(run, "broken", "half", "clustering")
    results = evaluate(str(run))
    assert results["left_out"] == {
        "broken": r"TypeError: caf\xe9 <b>",
        "none": "KeyError: 'missing'",
        "bad": "ZeroDivisionError: division by zero",
    }
    assert {"half", "clustering_error", "nmi"} < results["results"].keys()
    assert read_results(run) == results
    assert sorted(os.listdir(run / "figures")) == [
        "clustering_components.png",
        "clustering_matrix.png",
        "clustering_simplex.png",
        "clustering_tsne.png",
        "good.png",
    ]  # and none of the evaluation before
    assert sorted(os.listdir(run / "arrays")) == [
        "bad.npz",
        "clustering_components.npz",
        "clustering_matrix.npz",
        "clustering_simplex.npz",
        "clustering_tsne.npz",
        "good.npz",
        "values.npz",
    ]
    with Image.open(run / "figures" / "good.png") as image:
        assert image.info[CAPTION_KEY] == r"\xe9"
    report = (run / "report.html").read_text(encoding="utf-8")
    assert "<dt>bad</dt><dd>ZeroDivisionError: division by zero</dd>" in report
    assert caplog.text.count("Traceback (most recent call last)") == 3
    assert r"TypeError: caf\xe9 <b>" in caplog.text
    assert "ZeroDivisionError: division by zero" in caplog.text
    caplog.text.encode()  # a log is written in UTF-8
    with_evaluators(run, "clustering")
    assert evaluate(str(run))["left_out"] == {}
    assert "good.png" not in os.listdir(run / "figures")
    assert "values.npz" not in os.listdir(run / "arrays")
    assert len(os.listdir(run / "arrays")) == 4


def contents(run):
    """The bytes of all files that an evaluation writes, by path."""
    paths = [run / "results.json", run / "report.html"]
    paths += [*(run / "arrays").iterdir(), *(run / "figures").iterdir()]
    return {str(path.relative_to(run)): path.read_bytes() for path in paths}


def test_figures_are_drawn_again_from_arrays_alone(run, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("neither the model nor the data are needed")

    before, results = contents(run), read_results(run)
    shutil.rmtree(run / "checkpoints")
    monkeypatch.setattr(run_lib, "load_trials", refused)
    monkeypatch.setattr(run_lib.run_data, "load", refused)
    (run / "figures" / "clustering_matrix.png").unlink()
    (run / "figures" / "clustering_tsne.png").write_bytes(b"damaged")
    (run / "figures" / "earlier.png").write_bytes(b"of an earlier evaluation")
    (run / "report.html").unlink()
    assert draw_figures(str(run)) == results
    assert contents(run) == before
    shutil.rmtree(run / "figures")
    assert draw_figures(str(run)) == results
    assert contents(run) == before


def test_arrays_that_cannot_be_computed_cost_only_their_figure(run, monkeypatch):
    def refused(*_):
        raise InputError("too many to show")

    def broken(*_):
        raise TypeError("not like this")

    monkeypatch.setattr(clusters, "_tsne", refused)
    monkeypatch.setattr(clusters, "_simplex", broken)
    before = contents(run)
    expected = read_results(run)["results"]
    results = evaluate(str(run))
    assert results["results"] == expected
    assert results["left_out"] == {
        "clustering_simplex": "TypeError: not like this",
        "clustering_tsne": "too many to show",
    }
    assert read_results(run) == results
    after = contents(run)
    gone = before.keys() - after.keys()
    assert gone == {
        "arrays/clustering_simplex.npz",
        "arrays/clustering_tsne.npz",
        "figures/clustering_simplex.png",
        "figures/clustering_tsne.png",
    }
    changed = {name for name, content in after.items() if content != before[name]}
    assert changed == {"results.json", "report.html"}
    assert b"<dt>clustering_tsne</dt><dd>too many to show</dd>" in after["report.html"]
    # The reason stands as long as there are no arrays.
    monkeypatch.undo()
    assert draw_figures(str(run)) == results
    assert contents(run) == after


def test_a_figure_that_cannot_be_drawn_costs_nothing_else(run, monkeypatch):
    def broken(**_):
        raise ZeroDivisionError("nothing to divide by")

    def refused(**_):
        raise InputError("too many to show")

    before, expected = contents(run), read_results(run)
    monkeypatch.setitem(FIGURES, "clustering_matrix", broken)
    monkeypatch.setitem(FIGURES, "reconstruction", refused)
    left_out = {
        "clustering_matrix": "ZeroDivisionError: nothing to divide by",
        "reconstruction": "too many to show",
    }
    for evaluate_or_draw in (evaluate, draw_figures):
        results = evaluate_or_draw(str(run))
        assert results == expected | {"left_out": left_out}
        assert read_results(run) == results
        after = contents(run)
        assert before.keys() - after.keys() == {
            "figures/clustering_matrix.png",
            "figures/reconstruction.png",
        }
        changed = {name for name, content in after.items() if content != before[name]}
        assert changed == {"results.json", "report.html"}
        assert b"<dd>ZeroDivisionError: nothing to div" in after["report.html"]
    # What can be drawn after all is not left out any more.
    monkeypatch.undo()
    assert draw_figures(str(run)) == expected
    assert contents(run) == before


def test_figures_whose_arrays_are_gone(run):
    (run / "arrays" / "clustering_tsne.npz").unlink()
    before = contents(run)
    message = r"lacks arrays/clustering_tsne\.npz; evaluate the run: python -m .*run$"
    with pytest.raises(MissingInputError, match=message):
        draw_figures(str(run))
    assert contents(run) == before
    assert evaluate(str(run))["left_out"] == {}
    assert draw_figures(str(run))["left_out"] == {}


def test_damaged_arrays_cost_their_figure_only(run):
    (run / "arrays" / "clustering_tsne.npz").write_bytes(b"damaged")
    (run / "arrays" / "own.npz").write_bytes(b"")
    assert list(draw_figures(str(run))["left_out"]) == ["clustering_tsne"]
    report = (run / "report.html").read_text()
    assert "<dt>arrays/own.npz</dt><dd>damaged</dd>" in report
    assert "<dt>arrays/clustering_tsne.npz</dt><dd>damaged</dd>" in report


def test_figures_of_a_run_that_is_not_evaluated(run):
    (run / "results.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"has no results\.json; evaluate the"):
        draw_figures(str(run))
    assert len(os.listdir(run / "figures")) == 5


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        (
            np.array([np.nan, 1.0]),
            "the scores of the criterion 'agreement' are not finite: [nan, 1.0]",
        ),
        (None, "TypeError: 'NoneType' object is not callable"),
    ],
)
def test_a_trial_that_cannot_be_chosen(run, monkeypatch, scores, reason):
    criterion = None if scores is None else lambda models, x: scores
    monkeypatch.setattr(run_lib, "get_criterion", lambda name: criterion)
    results = evaluate(str(run))
    assert results["left_out"] == {"selection": f"{reason}; trial 0 is shown instead"}
    assert (results["chosen_trial"], results["selection"]) == (0, None)
    assert len(results["results"]) == 11


def test_a_report_that_cannot_be_written(run):
    before, metrics = contents(run), (run / "metrics.jsonl").read_text()
    (run / "metrics.jsonl").write_text('{"step": 12}\n')
    results = evaluate(str(run))
    assert results == read_results(run)
    assert results["left_out"] == {
        "report.html": "ValueError: The metrics have no row with a step and a number."
    }
    assert draw_figures(str(run)) == results == read_results(run)
    (run / "metrics.jsonl").write_text(metrics)
    assert draw_figures(str(run))["left_out"] == {}
    assert contents(run) == before


def test_a_classifier_that_is_gone(run):
    config = read_config(str(run))
    config.evaluators = ("inception", "reconstruction")
    config.classifier_workdir = str(run / "gone")
    (run / "config.json").write_text(config.to_json())
    results = evaluate(str(run))
    assert list(results["left_out"]) == ["classifier", "inception"]
    assert "gone has no config.json" in results["left_out"]["classifier"]
    assert "'inception' needs a classifier of 'npz'" in results["left_out"]["inception"]
    assert list(results["results"]) == ["reconstruction_mse"]


def test_five_images(tmp_path, monkeypatch, caplog):
    """One of them is to test; besides, a curve that fails while training goes on."""

    def broken(model, data, seed):
        raise InputError("nothing to see")

    other_evaluators(monkeypatch, broken=broken)
    config = tiny_config(tmp_path)
    config.dataset.path = write_npz(tmp_path / "five.npz", size=5)
    config.update(trials=2, duration="2_steps", evaluate_every="2_steps")
    config.update(batch_size=4, selection="nearest_neighbours", seed=2**31 - 2)
    config.curves = ("broken", "reconstruction")
    config.evaluators = ("clustering", "mixture", "reconstruction", "samples")
    results = train_and_evaluate(config, str(tmp_path / "run"))
    assert results["left_out"] == {
        "clustering_tsne": "t-SNE needs at least two examples, but there is one"
    }
    assert "1 examples of the test split" in results["protocol"]["clustering"]
    assert results["results"]["clustering_error"]["trials"] == [0.0, 0.0]
    assert results["selection"]["protocol"].endswith(
        "on 4 training examples, without labels."
    )
    (row,) = logged(tmp_path / "run")
    assert "test/reconstruction_mse" in row
    assert caplog.text.count("test/broken is left out: nothing to see") == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"evaluators": ("interpolation",)},
            r"'interpolation' requires at least 2 examples, but the test split of "
            r"'npz' has 1: raise dataset\.test_fraction",
        ),
        (
            {"curves": ("interpolation",)},
            "'interpolation' requires at least 2 examples",
        ),
        (
            {"evaluators": ("manifold",)},
            r"'manifold' requires codes z \[N, 2\] without a component y, "
            r".*'y': \(2, 3",
        ),
    ],
)
def test_what_data_or_codes_are_too_few_for_is_not_trained(tmp_path, changes, message):
    config = tiny_config(tmp_path)
    config.dataset.path = write_npz(tmp_path / "five.npz", size=5)
    config.update(batch_size=4, **changes)
    with pytest.raises(InputError, match=message):
        train_and_evaluate(config, str(tmp_path / "run"))
    assert not list((tmp_path / "run").glob("checkpoints/[0-9]*"))


def test_one_training_example_chooses_no_trial(tmp_path):
    config, one = tiny_config(tmp_path), Examples(x=np.zeros((1, 2, 2, 1), np.uint8))
    config.evaluators = config.curves = ()
    dataset = Dataset("one", {"train": one, "test": one}, "")
    with pytest.raises(InputError, match="compares training examples, but 'one' has"):
        check_data(config, dataset)
    config.trials = 1
    check_data(config, dataset)


def test_one_trial_without_labels_or_selection(tmp_path):
    config = tiny_config(tmp_path, labels=False)
    config.update(trials=1, duration="2_steps", selection="")
    config.evaluators = ("clustering", "reconstruction", "interpolation", "samples")
    results = train_and_evaluate(config, str(tmp_path / "run"))
    assert list(results["results"]) == [
        "classifier_agreement",
        "classifier_agreement_from_sampled_z",
        "reconstruction_mse",
    ]
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
        (("clustering",), "", toys.normed_gan(), r"this one cannot \['encode'\]"),
        (("classification",), "", toys.amm(), "a model that learns classes"),
        ((), "agreement", toys.normed_gan(), "infers no clusters, by which"),
        (("classified",), "", toys.amm(), "unknown evaluator 'classified'"),
        ((), "best", toys.amm(), "unknown criterion 'best'"),
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


def test_the_home_directory_of_a_classifiers_run(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    config = ml_collections.ConfigDict(
        {"evaluators": ("inception",), "curves": (), "classifier_workdir": "~/mnist"}
    )
    assert run_lib.classifier_workdir(config, "run") == "/home/me/mnist"
    config.classifier_workdir = ""
    assert run_lib.classifier_workdir(config, "run") == "run/classifier"

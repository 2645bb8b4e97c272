"""A run as a whole: it resumes exactly, stops cleanly, and refuses what cannot be."""

import json
import os
import shutil
import signal
from concurrent import futures
from pathlib import Path

import jax
import ml_collections
import numpy as np
import pytest
from absl import logging

from adversarial_latent import config as config_lib
from adversarial_latent import train
from adversarial_latent.data import load
from adversarial_latent.experiment import Experiment, make_experiment
from adversarial_latent.games import aae, classifier
from adversarial_latent.inputs import InputError
from adversarial_latent.optimizers import player
from adversarial_latent.workdir import load_trials
from tests.runs import assert_same_run, logged, saved, tiny_config, write_npz
from tests.toys import HEADER, amm_config

ERROR = "test/reconstruction_mse"


class CrashError(Exception):
    """The process dies, at a place of the test's choosing."""


def crash():
    raise CrashError


def at_call(monkeypatch, number, action):
    """Runs `action(batches)` when batches are asked for the `number`-th time."""
    next_batches = Experiment.next_batches
    calls = []

    def patched(experiment):
        batches = next_batches(experiment)
        calls.append(None)
        if len(calls) == number:
            batches = action(batches)
        return batches

    monkeypatch.setattr(Experiment, "next_batches", patched)


def terminate(batches):
    signal.raise_signal(signal.SIGTERM)
    return batches


def test_finished_run(finished_run):
    assert sorted(os.listdir(finished_run)) == [
        ".lock",
        "arrays",
        "checkpoints",
        "config.json",
        "dataset.json",
        "environment.json",
        "figures",
        "metrics.jsonl",
        "report.html",
        "results.json",
        "tensorboard",
    ]
    rows = logged(finished_run)
    assert [row["step"] for row in rows] == [4, 6, 8, 12]
    assert {"discriminator/loss", "generator/loss", "d_real"} < rows[0].keys()
    curve = {row["step"]: row["trials"].get(ERROR) for row in rows}
    assert {step for step, errors in curve.items() if errors} == {6, 12}
    results = json.loads((finished_run / "results.json").read_text())["results"]
    assert curve[12] == results["reconstruction_mse"]["trials"]
    assert curve[6] != curve[12]
    step, arrays = saved(finished_run)
    assert step == 12
    assert (arrays["['step']"] == 12).all()


def test_stop_at_any_step_and_resume(finished_run, tmp_path, monkeypatch, capsys):
    config, workdir = tiny_config(tmp_path), str(tmp_path / "run")
    config.dataset.path = str(finished_run.parent / "data.npz")
    handler = signal.getsignal(signal.SIGTERM)
    with monkeypatch.context() as patch:
        at_call(patch, 3, terminate)  # step 6: neither logged nor saved otherwise
        assert train.train_and_evaluate(config, workdir) is None
    assert signal.getsignal(signal.SIGTERM) is handler
    assert saved(workdir)[0] == 6
    assert "results.json" not in os.listdir(workdir)
    assert "6/12" in capsys.readouterr().err  # the progress bar
    results = train.train_and_evaluate(config, workdir)
    assert results["chosen_trial"] in (0, 1)
    assert_same_run(workdir, finished_run)


def test_crash_between_checkpoints_and_resume(finished_run, tmp_path, monkeypatch):
    config, workdir = tiny_config(tmp_path), str(tmp_path / "run")
    config.dataset.path = str(finished_run.parent / "data.npz")
    with monkeypatch.context() as patch:
        at_call(patch, 4, lambda _: crash())
        with pytest.raises(CrashError):
            train.train_and_evaluate(config, workdir)
    # What a crash can leave behind: half a checkpoint, and half a line.
    (tmp_path / "run/checkpoints/6.orbax-checkpoint-tmp/state").mkdir(parents=True)
    (tmp_path / "run/checkpoints/8.orbax-checkpoint-tmp/state").mkdir(parents=True)
    with open(tmp_path / "run/metrics.jsonl", "a") as file:
        file.write('{"step": 6, "confidence": 0.5}\n{"step": 8, "conf')
    assert saved(workdir)[0] == 4
    train.train_and_evaluate(config, workdir)
    assert_same_run(workdir, finished_run)


def test_finished_run_is_only_evaluated_again(finished_run, tmp_path):
    config, workdir = tiny_config(tmp_path), str(tmp_path / "run")
    config.dataset.path = str(finished_run.parent / "data.npz")
    for name in ("config.json", "dataset.json", "environment.json", "metrics.jsonl"):
        (tmp_path / "run").mkdir(exist_ok=True)
        (tmp_path / "run" / name).write_bytes((finished_run / name).read_bytes())
    os.symlink(finished_run / "checkpoints", tmp_path / "run/checkpoints")
    train.train_and_evaluate(config, workdir)
    assert_same_run(workdir, finished_run)


def test_trials_over_devices_stop_and_resume(tmp_path, monkeypatch):
    """Four trials on four devices, streamed, with averaged parameters."""
    config = tiny_config(tmp_path)
    config.update(trials=4, duration="4_steps", pipeline="streaming", ema_decay=0.9)
    config.evaluators = ()
    train.train_and_evaluate(config, str(tmp_path / "undisturbed"))
    with monkeypatch.context() as patch:
        at_call(patch, 1, terminate)
        assert train.train_and_evaluate(config, str(tmp_path / "stopped")) is None
    train.train_and_evaluate(config, str(tmp_path / "stopped"))
    assert_same_run(tmp_path / "undisturbed", tmp_path / "stopped")
    params = load_trials(str(tmp_path / "stopped"))[3].params
    _, arrays = saved(tmp_path / "stopped")
    kernel = "['discriminator']['p_kernel']"
    np.testing.assert_array_equal(
        params["discriminator"]["p_kernel"], arrays[f"['ema_params']{kernel}"][3]
    )


def test_losses_that_are_not_finite_stop_the_run(finished_run, tmp_path, monkeypatch):
    config, workdir = tiny_config(tmp_path), str(tmp_path / "run")
    config.dataset.path = str(finished_run.parent / "data.npz")

    def compile_diverging(experiment):
        run = experiment.parallel.compile(
            experiment.train_step, experiment.pipeline.examples
        )

        def run_diverging(state, resident, batches):
            after = int(jax.tree.leaves(state.step)[0][0]) + experiment.steps_per_call
            state, metrics = run(state, resident, batches)
            if after > 4:
                metrics["generator/loss"] *= np.float32("nan")
            return state, metrics

        return run_diverging

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "compile", compile_diverging)
        message = r"player 'generator'.* step 5 of trial 0 \(steps 5-6"
        with pytest.raises(train.NonFiniteLossError, match=message):
            train.train_and_evaluate(config, workdir)
    assert saved(workdir)[0] == 4  # the checkpoint before is of use
    assert [row["step"] for row in logged(workdir)] == [4]
    assert len(load_trials(workdir)) == 2
    train.train_and_evaluate(config, workdir)
    assert_same_run(workdir, finished_run)


def test_the_first_loss_that_is_not_finite_is_named():
    nan = np.float32("nan")
    metrics = {
        "discriminator/grad_norm": np.array([[nan, nan]]),
        "generator/loss": np.array([[0, 0, 0, nan], [0, 0, np.inf, nan]], np.float32),
    }
    message = r"'generator' is no longer finite at step 9 of trial 1 \(steps 7-10"
    with pytest.raises(train.NonFiniteLossError, match=message):
        train._check_finite(metrics, last_step=10)


WRONG = {
    "seed": (-1, "seed=-1"),
    "trials": (0, r"config\.trials=0 must be in \[1, 10000\]"),
    "trial_loop": ("pmap", r"config\.trial_loop must be one of auto, vmap, map"),
    "game.name": ("amn", r"unknown game 'amn'.*'aim', 'ali', 'alice', 'amm'"),
    "game.loss": ("non-saturating", "non-saturating.*non_saturating"),
    "game.penalty": ("gradients", "gradients.*gradient"),
    "game.networks.prior": ("Name Input\nx -", "Name"),
    "game.networks.encoder": (
        "x - 1 - - - - - -\ny x 3 2 1 FULL - - Softmax",
        r"config\.game\.networks\.encoder: row 'y': cannot read 'FULL' in column Pad",
    ),
    "dataset.name": ("digit", r"unknown data set 'digit'.*digits, npz, folder"),
    "dataset.path": ("nowhere.npz", "no npz file at 'nowhere.npz'"),
    "dataset.test_fraction": (
        0.0,
        r"config\.dataset\.test_fraction=0\.0 must be in \(0, 1\)",
    ),
    "dataset.image_shape": ("2x2", r"image_shape='2x2' is not a shape"),
    "pipeline": (
        "resident_",
        r"'resident_': config\.pipeline must be one of auto, resident",
    ),
    "batch_size": (400, "batch_size=400 must be between 1 and the 48"),
    "steps_per_call": (0, r"config\.steps_per_call=0 must be at least 1"),
    "duration": ("12", "cannot read duration '12': write e.g. 500_steps"),
    "log_every": ("12 steps", "cannot read duration '12 steps'"),
    "update_order": (
        "simultaneously",
        r"config\.update_order must be one of '', simultaneous, alternating",
    ),
    "players.generator.optimizer": ("adamw", "unknown optimizer 'adamw'"),
    "players.generator.schedule": ("cos", "unknown schedule 'cos'"),
    "players.generator.repeats": (2, "cannot repeat.*set update_order='alternating'"),
    "players": (
        {"critic": player(1e-3)},
        r"\['critic'\], but the players of amm are",
    ),
    "evaluators": (("cluster",), "unknown evaluator 'cluster' in .*; there are"),
    "curves": (("rec",), r"unknown evaluator 'rec' in .*config\.curves; there are"),
    "evaluate_every": ("daily", "cannot read duration 'daily'"),
    "selection": ("best", r"unknown criterion 'best' in config\.selection; there are"),
}


@pytest.mark.parametrize("field", WRONG)
def test_wrong_configs_are_refused_before_training(tmp_path, field):
    wrong, message = WRONG[field]
    config, workdir = tiny_config(tmp_path), tmp_path / "run"
    config.game.penalty_weight = 1.0
    *path, last = field.split(".")
    parent = config
    for name in path:
        parent = parent[name]
    parent[last] = ml_collections.ConfigDict(wrong) if field == "players" else wrong
    with (
        pytest.raises(ValueError, match=message)
        if field != "dataset.path"
        else (pytest.raises(FileNotFoundError, match=message))
    ):
        train.train_and_evaluate(config, str(workdir))
    assert not list(workdir.glob("checkpoints/[0-9]*"))
    assert logged(workdir) == [] if (workdir / "metrics.jsonl").exists() else True


def test_example_batches_are_cut_for_trials_repeats_and_devices(tmp_path):
    config = tiny_config(tmp_path)
    config.update_order = "alternating"
    config.players.discriminator.repeats = 3
    experiment = make_experiment(config, load(config.dataset))
    batches = experiment.next_batches()["x"]
    # [devices, trials, steps, minibatches, batch of a device]
    assert batches.shape == (4, 2, 2, 3, 2)
    # One step takes 24 of the 48 examples, of which none twice.
    taken = batches[:, 0].swapaxes(0, 1).reshape(2, 24)
    assert sorted(taken.reshape(-1)) == list(range(48))


def test_evaluators_that_do_not_fit_the_data_are_refused(tmp_path):
    config, workdir = tiny_config(tmp_path), tmp_path / "run"
    config.curves = ("modes",)
    with pytest.raises(ValueError, match="'modes' requires a mixture with known"):
        train.train(config, str(workdir))
    assert not workdir.exists()


AUTOENCODER = {
    "encoder": "x - 1 - - - - - -\nz x {d} 2 1 - - - -",
    "decoder": "transposed\nz - {d} - - - - - -\nx z 1 2 1 - - - Sigmoid",
    "discriminator_z": "z - {d} - - - - - -\np z 1 1 1 - - - -",
}


def autoencoder_config(directory):
    """An adversarial autoencoder; its update order is not mentioned."""
    config = tiny_config(directory)
    config.game = aae.default_config()
    config.game.update(priors={"z": {"name": "gaussian"}}, networks=AUTOENCODER)
    names = ("autoencoder", "discriminator", "generator")
    config.players = {name: player(1e-3) for name in names}
    return config


def test_a_module_that_inference_cannot_use_is_refused_before_training(tmp_path):
    config = tiny_config(tmp_path)
    call = "tests.networks.own:Encoder(classes={k}, dim={d}, blocks=1)"
    config.game.networks.encoder = call
    message = (
        "config.game.networks do not fit examples of shape 2x2x1: the network "
        "'encoder' of the game 'AMM': .*unexpected keyword argument 'noise'"
    )
    with pytest.raises(InputError, match=message):
        train.train_and_evaluate(config, str(tmp_path / "run"))
    assert not (tmp_path / "run" / "checkpoints").exists()


def test_an_empty_update_order_is_the_games_own(tmp_path):
    config = autoencoder_config(tmp_path)
    assert config.update_order == ""
    dataset, steps = load(config.dataset), {}
    for order in ("", "alternating", "simultaneous"):
        config.update_order = order
        steps[order] = make_experiment(config, dataset).lowered_step()
    assert steps[""] == steps["alternating"]
    assert steps[""] != steps["simultaneous"]
    config.update_order = ""
    config.players.discriminator.repeats = 2  # which only alternating updates can
    assert make_experiment(config, dataset).minibatches == 2


@pytest.mark.parametrize(
    ("make_config", "own", "other"),
    [
        (tiny_config, "simultaneous", "alternating"),
        (autoencoder_config, "alternating", "simultaneous"),
    ],
)
def test_another_update_order_than_the_games_own_is_said(
    tmp_path, caplog, make_config, own, other
):
    config = make_config(tmp_path)
    dataset = load(config.dataset)
    with caplog.at_level(logging.WARNING, logger="absl"):
        for order in ("", own):
            config.update_order = order
            make_experiment(config, dataset)
        assert not caplog.records
        config.update_order = other
        make_experiment(config, dataset)
    (warning,) = [record.getMessage() for record in caplog.records]
    assert f"update_order={other} departs from the game {config.game.name!r}" in warning
    assert f"whose updates are {own}" in warning


def labelled_config(directory):
    """SAMM with K = 3, whose two trials see 6 labels each."""
    config = tiny_config(directory)
    config.game = amm_config(name="samm", penalty_weight=0.0)
    config.labels.number = 6
    config.labels.batch_size = 4
    config.selection = ""
    return config


def test_every_trial_sees_labels_of_its_own(tmp_path):
    config = labelled_config(tmp_path)
    dataset = load(config.dataset)
    train_labels = dataset.splits["train"].label

    def seen():
        experiment = make_experiment(config, dataset)
        # [devices, trials, steps, minibatches, labelled batch of a device]
        batches = [experiment.next_batches()["labelled_x"] for _ in range(3)]
        assert batches[0].shape == (4, 2, 2, 1, 1)
        indices = np.stack(batches)[..., 0, 0]  # [calls, devices, trials, steps]
        return [set(indices[:, :, trial].ravel().tolist()) for trial in range(2)]

    first, second = seen()
    assert first != second
    for subset in (first, second):
        counts = np.bincount(train_labels[sorted(subset)])
        np.testing.assert_array_equal(counts, [2, 2, 2])
    config.seed += 1
    assert seen()[0] == second, "trial t is the run with seed + t"


WITH_LABELS = {
    "labels.number": (7, "num_labels=7 must be a multiple of the 3 classes"),
    "labels.batch_size": (3, "labels.batch_size=3 cannot be divided over 4 devices"),
    "game.num_components": (4, "num_components=4, but .* are the 3 classes of 'npz'"),
}


@pytest.mark.parametrize("field", WITH_LABELS)
def test_wrong_labels_are_refused(tmp_path, field):
    wrong, message = WITH_LABELS[field]
    config = labelled_config(tmp_path)
    config.trials = 1  # so that the batch is divided, not the trials
    group, name = field.split(".")
    config[group][name] = wrong
    with pytest.raises(ValueError, match=message):
        make_experiment(config, load(config.dataset))


def test_labels_are_needed_and_not_ignored(tmp_path):
    config = labelled_config(tmp_path)
    config.dataset.path = write_npz(tmp_path / "unlabelled.npz", labels=False)
    with pytest.raises(ValueError, match="'samm' learns from labels, but 'npz' has no"):
        make_experiment(config, load(config.dataset))
    config = tiny_config(tmp_path)
    config.labels.number = 6
    with pytest.raises(ValueError, match=r"config\.labels has no meaning .* 'amm'"):
        make_experiment(config, load(config.dataset))


def classifier_config(config):
    """A classifier of the data of `config`."""
    made = config_lib.default_config()
    made.game = classifier.default_config()
    made.game.num_components = 3
    table = "x - 1 - - - - - -\nz x 4 2 1 - - - ReLU\ny z {k} 1 1 - - - -"
    made.game.networks = {"classifier": HEADER + table}
    made.dataset = config.dataset.copy_and_resolve_references()
    made.players = {"classifier": player(1e-2)}
    made.update(duration="4_steps", batch_size=8, steps_per_call=2)
    made.evaluators = ("classification",)
    return made


def test_a_classifier_of_generated_images_is_trained_first(tmp_path):
    config, workdir = tiny_config(tmp_path), tmp_path / "run"
    config.update(trials=1, duration="2_steps", evaluate_every="2_steps", selection="")
    config.evaluators = config.curves = ("inception",)
    with pytest.raises(ValueError, match=r"classifies generated images.* config\.cl"):
        train.train_and_evaluate(config, str(workdir))
    config.classifier = classifier_config(config)
    config.dataset.classes = "0,1,2"
    results = train.train_and_evaluate(config, str(workdir))["results"]
    theirs = json.loads((workdir / "classifier" / "config.json").read_text())
    assert theirs["dataset"] == config.dataset.to_dict()  # the same data
    trained = json.loads((workdir / "classifier" / "results.json").read_text())
    error = trained["results"]["classification_error"]["mean"]
    assert results["classifier_error"]["mean"] == error
    (row,) = logged(workdir)
    name = "classifier_inception_score"
    assert row[f"test/{name}"] == results[name]["mean"]
    # Another run can share it.
    before = (workdir / "classifier" / "results.json").stat().st_mtime_ns
    config.classifier_workdir = str(workdir / "classifier")
    again = train.train_and_evaluate(config, str(tmp_path / "other"))["results"]
    assert again == results
    assert before == (workdir / "classifier" / "results.json").stat().st_mtime_ns
    assert not (tmp_path / "other" / "classifier").exists()
    config.classifier.dataset.name = "digits"
    with pytest.raises(ValueError, match="is for 'digits', and cannot classify what"):
        train.train_and_evaluate(config, str(tmp_path / "third"))


def run_again(finished_run, directory, **changes):
    """A copy of `finished_run`, launched again with some fields changed."""
    workdir = directory / "run"
    shutil.copytree(finished_run, workdir)
    config = tiny_config(directory)
    config.dataset.path = str(finished_run.parent / "data.npz")
    config.update(changes)
    return config, str(workdir)


@pytest.mark.parametrize("place", ["state", "metadata"])
def test_a_damaged_checkpoint_costs_the_steps_behind_it(
    finished_run, tmp_path, place, caplog
):
    config, workdir = run_again(finished_run, tmp_path)
    newest = os.path.join(workdir, "checkpoints", "12")
    if place == "metadata":
        shutil.rmtree(os.path.join(newest, "position"))
    else:
        paths = [path for path in Path(newest).rglob("d/*") if path.is_file()]
        largest = max(paths, key=lambda path: path.stat().st_size)
        largest.write_bytes(bytes(largest.stat().st_size))
    with caplog.at_level(logging.WARNING, logger="absl"):
        train.train_and_evaluate(config, workdir)
    assert "the checkpoint of step 12 in" in caplog.text
    assert "using that of step 8" in caplog.text
    assert_same_run(workdir, finished_run)


def test_a_finished_run_can_be_trained_on(finished_run, tmp_path):
    """With the bits of a run that was that long from the start."""
    config, workdir = run_again(finished_run, tmp_path, duration="20_steps")
    train.train_and_evaluate(config, workdir)
    assert saved(workdir)[0] == 20
    whole = str(tmp_path / "whole")
    train.train_and_evaluate(config, whole)
    assert_same_run(workdir, whole)
    config.duration = "12_steps"
    with pytest.raises(ValueError, match=r"run of 20 steps, whose duration can only"):
        train.train_and_evaluate(config, workdir)


def test_a_run_whose_steps_depend_on_its_length_is_not_trained_on(tmp_path):
    config, workdir = tiny_config(tmp_path), str(tmp_path / "run")
    config.update(duration="2_steps", evaluators=(), curves=(), selection="", trials=1)
    config.players.generator.schedule = "cosine"
    train.train_and_evaluate(config, workdir)
    config.duration = "4_steps"
    with pytest.raises(ValueError, match=r"steps depend on its duration \(config.dur"):
        train.train_and_evaluate(config, workdir)
    assert saved(workdir)[0] == 2


def test_training_in_a_thread(finished_run, tmp_path):
    """As in a server or some notebooks, where signals cannot be handled."""
    config, workdir = run_again(finished_run, tmp_path)
    shutil.rmtree(os.path.join(workdir, "checkpoints", "12"))
    with futures.ThreadPoolExecutor() as pool:
        assert pool.submit(train.train, config, workdir).result()
    assert saved(workdir)[0] == 12


def test_what_is_said_of_durations_and_devices(finished_run, tmp_path, caplog):
    config, workdir = run_again(finished_run, tmp_path)
    shutil.rmtree(os.path.join(workdir, "checkpoints", "12"))
    path = os.path.join(workdir, "environment.json")
    with open(path) as file:
        environment = json.load(file)
    with open(path, "w") as file:
        json.dump(environment | {"num_devices": 7}, file)
    with caplog.at_level(logging.WARNING, logger="absl"):
        train.train(config, workdir)
    assert "another num_devices (7; now 4): the last digits" in caplog.text
    assert "not a multiple" not in caplog.text
    experiment = make_experiment(config, load(config.dataset))
    config.evaluate_every = "5_steps"
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert train._calls(config, experiment, "evaluate_every") == 2
    assert "evaluate_every=5_steps is 5 steps, not a multiple of the 2" in caplog.text
    assert "every 4 steps is used instead" in caplog.text


def test_a_loss_that_is_not_finite_says_which_checkpoint_there_is():
    metrics = {"generator/loss": np.array([[np.nan]], np.float32)}
    for saved_step, message in ((None, "no checkpoint yet"), (4, "step 4 is intact")):
        with pytest.raises(train.NonFiniteLossError, match=message):
            train._check_finite(metrics, 10, saved_step)


def test_rows_that_are_lost_are_counted(finished_run, tmp_path, caplog):
    config, workdir = run_again(finished_run, tmp_path)
    shutil.rmtree(os.path.join(workdir, "checkpoints", "12"))
    path = Path(workdir) / "metrics.jsonl"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[2:]))
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert train.train(config, workdir)
    assert "lacks 2 of the rows up to step 8; the run continues" in caplog.text
    assert [row["step"] for row in logged(workdir)] == [8, 12]

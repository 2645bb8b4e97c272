"""The README's examples run as they are printed, and what it names exists."""

import json
import re
import shlex
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from adversarial_latent import games
from adversarial_latent.estimators import ESTIMATORS
from adversarial_latent.evaluation.evaluator import Evaluation, evaluator
from adversarial_latent.train import train_and_evaluate
from configs import grid25
from tests.experiments import programs

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def _python(text):
    (block,) = [code for kind, code in BLOCKS if kind == "python" and text in code]
    return block


def _commands():
    lines = "".join(code for kind, code in BLOCKS if kind == "bash")
    for line in lines.replace("\\\n", " ").splitlines():
        yield from line.split("&&")


def _tiny():
    config = grid25.get_config("game=gan,runlocal")
    config.update(duration="2_steps", steps_per_call=1, trials=1, batch_size=8)
    config.evaluators = ()
    return config


@pytest.mark.usefixtures("_in_a_hurry")
def test_the_game_trains(monkeypatch, tmp_path):
    code = _python("class LSGAN")
    module = types.ModuleType("lsgan")
    monkeypatch.setitem(sys.modules, "lsgan", module)  # for dataclasses
    exec(code, module.__dict__)
    monkeypatch.setitem(games.GAMES, "lsgan", module.make_game)
    config = _tiny()
    tables = config.game.networks
    config.game = {
        "name": "lsgan",
        "latent_dim": 2,
        "networks": tables,
        "kernel_init": "lecun",
    }
    train_and_evaluate(config, str(tmp_path))
    rows = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert "d_fake" in " ".join(json.loads(rows[-1]))


@pytest.mark.usefixtures("_in_a_hurry")
def test_the_network_trains_by_the_command_that_is_shown(monkeypatch, tmp_path):
    (tmp_path / "my_networks.py").write_text(_python("class Encoder"))
    monkeypatch.syspath_prepend(tmp_path)
    (command,) = [line for line in _commands() if "my_networks" in line]
    (spec,) = [
        word.split("=", 1)[1]
        for word in shlex.split(command)
        if word.startswith("--config.game.networks.encoder=")
    ]
    config = grid25.get_config("runlocal")
    config.update(duration="2_steps", steps_per_call=1, trials=1, batch_size=8)
    config.evaluators = ()
    config.game.networks.encoder = spec
    train_and_evaluate(config, str(tmp_path / "run"))
    experiment = json.loads((tmp_path / "run/config.json").read_text())
    assert "my_networks:Encoder" in json.dumps(experiment)
    monkeypatch.delitem(sys.modules, "my_networks")


def test_the_evaluator_computes():
    names = {"evaluator": evaluator, "Evaluation": Evaluation, "np": np}
    exec(_python("@evaluator"), names)
    y = np.eye(3)[[0, 0, 0, 1, 1, 2]].astype(np.float32)
    model = types.SimpleNamespace(num_components=3, encode=lambda x: {"y": y[x]})
    data = types.SimpleNamespace(x=np.arange(6))
    result = names["cluster_sizes"].compute(model=model, data=data)
    assert result.numbers == {"smallest_cluster": pytest.approx(1 / 6)}


def test_its_table_of_estimators_is_complete():
    cells = re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", README, re.MULTILINE)
    methods = {
        name: set(re.findall(r"`(\w+)`", cell))
        for names, cell in cells
        for name in re.findall(r"`(\w+)`", names)
        if name in ESTIMATORS
    }
    assert methods.keys() == ESTIMATORS.keys()
    for name, listed in methods.items():
        fitted = {"means_", "weights_"}  # attributes that `fit` sets
        assert all(hasattr(ESTIMATORS[name], m) for m in listed - fitted), name


def test_its_commands_name_programs_configs_and_flags_that_exist():
    checked = 0
    for command in _commands():
        words = shlex.split(command, comments=True)
        if "-m" not in words:
            continue
        name = words[words.index("-m") + 1]
        _, flags = programs.load(name.removeprefix("experiments."))
        checked += 1
        for word in words[words.index("-m") + 2 :]:
            flag = re.match(r"--([a-z_]+)", word)
            assert flag, word
            assert flag[1] in flags, word
            config = re.match(r"--(?:config|sweep)=([\w/]+\.py)", word)
            assert not config or (ROOT / config[1]).is_file(), word
    assert checked >= 8


def test_its_links_and_configs_exist():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target
    table = README.split("| you want |")[1].split("\n\n")[0]
    for row in table.splitlines()[2:]:
        _, config, named = row.split("|")[1:4]
        (name, *_) = re.findall(r"`([a-z0-9_]+)`", config)
        path = ROOT / f"configs/{name}.py"
        assert path.is_file(), name
        for game in re.findall(r"`([a-z0-9_]+)`", named):
            assert game in games.GAMES, game
            assert game in path.read_text(), (name, game)
    registered = README.split("| system |")[1].split("\n\n")[0]
    for row in registered.splitlines()[2:]:
        for name in re.findall(r"`([a-z0-9_]+)`", row.split("|")[3]):
            assert name in games.GAMES, name

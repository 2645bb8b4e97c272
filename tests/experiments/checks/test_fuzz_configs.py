"""Random overrides: the program itself, and that it would see what goes wrong."""

import json

import hypothesis
import pytest
from hypothesis import strategies as st

from tests.experiments import programs

fuzz, _ = programs.load("checks.fuzz_configs")
# What one may type after the = of an override.
TYPED = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters="\0")),
    st.lists(st.one_of(st.integers(), st.floats(), st.text())).map(str),
    st.sampled_from(fuzz._VALUES),
)


@pytest.fixture(scope="module")
def classifier():
    return fuzz.Fuzzer(seed=0, configs=("classifier",))


def test_all_configs_have_their_turn():
    fuzzer = fuzz.Fuzzer(seed=0)
    chosen = [fuzzer.choose() for _ in range(2000)]
    assert len({path for path, _, _ in chosen}) == len(fuzzer._files) > 30
    fields = {field for _, field, _ in chosen}
    assert {
        "players.generator.b1",
        "game",
        "classifier.seed",
        "labels.number",
    } <= fields
    assert any(field not in fuzzer._fields[path] for path, field, _ in chosen), "slips"


def test_random_overrides(capsys):
    programs.run(
        "checks.fuzz_configs",
        "--overrides=40",
        "--run=0",
        "--configs=classifier,grid25",
    )
    counts = json.loads(capsys.readouterr().out)
    ends = ("refused_when_parsed", "refused_before_training", "would_train")
    assert sum(counts[end] for end in ends) == counts["overrides"] == 40
    assert counts["failures"] == []


@hypothesis.settings(max_examples=50, deadline=None, derandomize=True)
@hypothesis.given(data=st.data(), text=TYPED)
def test_whatever_is_typed(classifier, data, text):
    ((path, fields),) = classifier._fields.items()
    field = data.draw(st.sampled_from(sorted(fields)))
    classifier.try_one(path, field, text)
    assert classifier.failures == []


@pytest.mark.usefixtures("_in_a_hurry")
def test_ends_are_counted():
    fuzzer = fuzz.Fuzzer(seed=0, to_run=1, configs=("classifier",))
    (path,) = fuzzer._files
    fuzzer.try_one(path, "seed", "3")
    fuzzer.try_one(path, "seed", "4")
    fuzzer.try_one(path, "seed", "-4")
    fuzzer.try_one(path, "seed", "four")
    fuzzer.try_one(path, "sead", "4")
    assert fuzzer.failures == []
    assert fuzzer.counts == {
        "refused_when_parsed": 2,
        "refused_before_training": 1,
        "would_train": 2,
        "steps_traced": 1,
        "steps_taken": 1,
        "steps_taken_and_finite": 1,
    }


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (KeyError("x"), "KeyError: 'x'"),
        (
            ValueError("nothing to go by"),
            "names neither field nor value: error: nothing to go by",
        ),
        (ValueError(), "names neither field nor value"),
        (ValueError("seed\nor not"), "more than one line"),
    ],
)
def test_what_does_not_end_well_is_a_failure(error, reason, monkeypatch, capsys):
    fuzzer = fuzz.Fuzzer(seed=0, configs=("classifier",))

    def fail(*arguments):
        raise error

    monkeypatch.setattr(fuzz, "make_experiment", fail)
    fuzzer.try_one(fuzzer._files[0], "seed", "3")
    (failure,) = fuzzer.failures
    assert failure["reason"].startswith(reason)
    assert failure["command"].endswith("classifier.py:runlocal --config.seed=3")
    assert json.loads(capsys.readouterr().err) == failure

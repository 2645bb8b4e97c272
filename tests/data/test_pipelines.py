"""The order of the examples, and both pipelines that deliver it."""

import json
import operator

import chex
import jax
import numpy as np
import pytest

from adversarial_latent.data import Examples, LazyArray, Pairs, make_pipeline

KINDS = ("resident", "streaming")
# The pixel of an example is its index, so that a batch tells what it took.
EXAMPLES = Examples(
    x=np.arange(20, dtype=np.uint8).reshape(20, 1, 1, 1), label=100 + np.arange(20)
)


def make(kind="resident", examples=EXAMPLES, batch_size=6, seed=3, **options):
    return make_pipeline(examples, batch_size, seed, kind=kind, **options)


def taken(pipeline, num_steps):
    """Indices [num_steps, trials, batch_local] that a pipeline takes next."""
    x = pipeline.next(num_steps)["x"]
    return x[..., 0, 0, 0] if x.ndim > 3 else x


@pytest.mark.parametrize("kind", KINDS)
def test_every_epoch_is_another_permutation(kind):
    stream = taken(make(kind), 10).ravel()  # 60 places: three epochs
    epochs = stream.reshape(3, 20)
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(20))
    assert len({tuple(epoch) for epoch in epochs.tolist()}) == 3


@pytest.mark.parametrize("kind", KINDS)
def test_order_is_the_documented_function_of_seed_and_epoch(kind):
    stream = taken(make(kind, seed=5, trials=2), 10)[:, 1].ravel()
    expected = [np.random.default_rng([6, e]).permutation(20) for e in range(3)]
    assert stream.tolist() == np.concatenate(expected).tolist()


@pytest.mark.parametrize("kind", KINDS)
def test_a_trial_is_the_run_with_its_own_seed(kind):
    together = taken(make(kind, seed=3, trials=3), 7)
    assert together.shape == (7, 3, 6)
    for trial in range(3):
        alone = taken(make(kind, seed=3 + trial), 7)
        np.testing.assert_array_equal(together[:, trial], alone[:, 0])
    assert not np.array_equal(together[:, 0], together[:, 1])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", KINDS)
@pytest.mark.parametrize("stop", [0, 2, 5])
def test_restored_pipeline_continues_as_if_never_stopped(kind, other, stop):
    whole = taken(make(kind, trials=2), 12)
    first = make(kind, trials=2)
    if stop:
        np.testing.assert_array_equal(taken(first, stop), whole[:stop])
    state = json.loads(json.dumps(first.state()))
    assert state["position"] == stop
    second = make(other, trials=2)
    taken(second, 1)  # a started stream is thrown away, too
    second.restore(state)
    steps = [taken(second, count) for count in (1, 3)] + [taken(second, 8 - stop)]
    np.testing.assert_array_equal(np.concatenate(steps), whole[stop:])


@pytest.mark.parametrize("kind", KINDS)
def test_processes_partition_the_global_batch(kind):
    whole = taken(make(kind, trials=2), 5)
    parts = [
        taken(make(kind, trials=2, process_index=index, process_count=3), 5)
        for index in range(3)
    ]
    assert parts[0].shape == (5, 2, 2)
    np.testing.assert_array_equal(np.concatenate(parts, axis=-1), whole)


# For each of two trials, the examples whose labels it may see.
LABELLED = [np.array([0, 7, 9, 13]), np.array([1, 2, 3, 19])]


def labels(batch_size, indices=LABELLED, values=EXAMPLES.label):
    """Labelled examples beside the others."""
    return Pairs("labelled_x", "label", values, indices, batch_size)


def delivered(pipeline, num_steps):
    """What a game sees in the next steps: arrays [num_steps, trials, ...] by name."""
    chex.clear_trace_counter()

    @jax.jit
    @chex.assert_max_traces(1)
    def step(resident, batch):
        per_trial = jax.vmap(pipeline.examples, in_axes=(None, 0))
        return per_trial(resident, batch)

    batches = pipeline.next(num_steps)
    steps = [
        step(pipeline.resident, jax.tree.map(operator.itemgetter(i), batches))
        for i in range(num_steps)
    ]
    return jax.tree.map(lambda *leaves: np.stack(leaves), *steps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("labelled", [False, True])
def test_examples_are_floats_and_hold_labels_only_when_asked(kind, labelled):
    pipeline = make(kind, trials=2, pairs=[labels(3)] if labelled else [])
    assert ("label" in pipeline.resident) == (labelled and kind == "resident")
    batches = delivered(pipeline, 4)
    assert set(batches) == ({"x", "labelled_x", "label"} if labelled else {"x"})
    chex.assert_shape(batches["x"], (4, 2, 6, 1, 1, 1))
    chex.assert_type(batches["x"], np.float32)
    values = taken(make(kind, trials=2), 4).astype(np.float32) * np.float32(1 / 255)
    np.testing.assert_array_equal(batches["x"][..., 0, 0, 0], values)


@pytest.mark.parametrize("kind", KINDS)
def test_labelled_examples_are_those_allowed_in_an_order_of_their_own(kind):
    batches = delivered(make(kind, trials=2, pairs=[labels(6)]), 4)
    chex.assert_type(batches["label"], np.int32)
    chex.assert_shape(batches["labelled_x"], (4, 2, 6, 1, 1, 1))
    pixels = np.round(batches["labelled_x"][..., 0, 0, 0] * 255)
    np.testing.assert_array_equal(batches["label"], 100 + pixels)
    for trial, indices in enumerate(LABELLED):  # 24 places: six epochs of four
        epochs = pixels[:, trial].reshape(6, 4)
        for epoch in epochs:
            np.testing.assert_array_equal(np.sort(epoch), indices)
        assert len({tuple(epoch) for epoch in epochs.tolist()}) > 1


@pytest.mark.parametrize("kind", KINDS)
def test_labelled_examples_are_divided_and_restored(kind):
    options = {"pairs": [labels(4)], "trials": 2}
    whole = delivered(make(kind, **options), 5)
    parts = []
    for index in range(2):
        pipeline = make(kind, **options, process_index=index, process_count=2)
        pipeline.next(2)
        resumed = make(kind, **options, process_index=index, process_count=2)
        resumed.restore(json.loads(json.dumps(pipeline.state())))
        parts.append(delivered(resumed, 3))
        few = make(kind, trials=2, pairs=[labels(4, [i[:3] for i in LABELLED])])
        message = "labelled_x_num_examples=4, and this run labelled_x_num_examples=3"
        with pytest.raises(ValueError, match=message):
            few.restore(pipeline.state())
    for name, array in whole.items():
        joined = np.concatenate([part[name] for part in parts], axis=2)
        np.testing.assert_array_equal(joined, array[2:])


def test_fields_of_pairs_have_different_names():
    everything = [np.arange(20)]
    message = r"must have different names, not \['x', 'labelled_x', 'label', 'labelled"
    with pytest.raises(ValueError, match=message):
        make("resident", pairs=[labels(5, everything)] * 2)


@pytest.mark.parametrize("kind", KINDS)
def test_two_kinds_of_pairs_have_orders_and_names_of_their_own(kind):
    # [20, 2, 3]: two captions of each example.
    vectors = np.arange(120, dtype=np.float32).reshape(20, 2, 3)
    everything = [np.arange(20)] * 2
    captions = Pairs("captioned_x", "caption", vectors, everything, 5)
    all_labels = labels(5, everything)
    pipeline = make(kind, batch_size=5, trials=2, pairs=[all_labels, captions])
    batches = delivered(pipeline, 8)  # two epochs of each
    fields = {"x", "labelled_x", "label", "captioned_x", "caption"}
    assert set(batches) == fields
    order = {
        name: np.int32(np.round(batches[name][..., 0, 0, 0] * 255))
        for name in ("x", "labelled_x", "captioned_x")
    }
    np.testing.assert_array_equal(batches["label"], 100 + order["labelled_x"])
    np.testing.assert_array_equal(batches["caption"], vectors[order["captioned_x"]])
    chex.assert_type([batches["label"], batches["caption"]], [np.int32, np.float32])
    for trial in range(2):
        streams = [indices[:, trial] for indices in order.values()]
        epochs = np.reshape(streams, (6, 20)).tolist()
        for epoch in epochs:
            assert sorted(epoch) == list(range(20))
        assert len({tuple(epoch) for epoch in epochs}) == 6
    # Another kind after it changes nothing for the first.
    alone = delivered(make(kind, batch_size=5, trials=2, pairs=[all_labels]), 8)
    for name, array in alone.items():
        np.testing.assert_array_equal(array, batches[name])
    # A position restores both.
    resumed = make(kind, batch_size=5, trials=2, pairs=[all_labels, captions])
    resumed.restore(json.loads(json.dumps(pipeline.state())) | {"position": 3})
    later = delivered(resumed, 5)
    for name in fields:
        np.testing.assert_array_equal(later[name], batches[name][3:])


@pytest.mark.parametrize("kind", KINDS)
def test_quantities_come_with_their_examples(kind):
    height = np.float32(np.random.default_rng(0).normal(size=20))
    options = {"trials": 2, "pairs": [labels(4)]}
    batches = delivered(make(kind, quantities={"height": height}, **options), 3)
    assert batches.keys() == {"x", "labelled_x", "label", "height", "labelled_height"}
    for name in ("", "labelled_"):
        index = np.int32(np.round(batches[f"{name}x"][..., 0, 0, 0] * 255))
        np.testing.assert_array_equal(batches[f"{name}height"], height[index])
    # They change no order.
    for field, array in delivered(make(kind, **options), 3).items():
        np.testing.assert_array_equal(batches[field], array)


@pytest.mark.parametrize("kind", KINDS)
def test_max_value_and_points(kind):
    digits = Examples(x=np.full((4, 2, 2, 1), 8, np.uint8), max_value=16)
    points = Examples(x=np.linspace(-5, 5, 8, dtype=np.float32).reshape(4, 2))
    for examples in (digits, points):
        pipeline = make(kind, examples, batch_size=4)
        batch = jax.tree.map(operator.itemgetter((0, 0)), pipeline.next(1))
        x = pipeline.examples(pipeline.resident, batch)["x"]
        order = np.random.default_rng([3, 0]).permutation(4)
        np.testing.assert_array_equal(x, examples.as_float()[order])


def test_auto_streams_what_is_too_large(monkeypatch):
    assert make("auto").resident
    monkeypatch.setattr("adversarial_latent.data.pipelines.RESIDENT_LIMIT", 19)
    assert not make("auto").resident


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 21}, "batch_size=21 must be between 1 and the 20"),
        ({"batch_size": 0}, "batch_size=0"),
        ({"process_count": 4}, "batch_size=6 is not divisible by 4 processes"),
        ({"process_index": 2, "process_count": 2}, "process_index=2 must be"),
        ({"seed": -1}, "seed=-1"),
        ({"kind": "magic"}, "unknown pipeline 'magic'; known: auto, resident, str"),
        (
            {"pairs": [labels(2, LABELLED[:1], EXAMPLES.label[:19])]},
            "19 values of 'label' for 20 examples",
        ),
        ({"pairs": [labels(0, LABELLED[:1])]}, "batch size of 'labelled_x', 0, must"),
        (
            {"pairs": [labels(3, LABELLED[:1])], "batch_size": 6, "process_count": 2},
            "labelled_x batch_size=3 is not divisible by 2 processes",
        ),
        ({"pairs": [labels(2)]}, "indices must be for 1 trials, not 2"),
    ],
)
def test_refused(options, message):
    with pytest.raises(ValueError, match=message):
        make(**options)


@pytest.mark.parametrize("change", ["seed", "trials", "batch_size", "num_examples"])
def test_position_of_another_run_is_refused(change):
    pipeline = make()
    state = pipeline.state()
    with pytest.raises(ValueError, match=f"cannot resume: .*{change}="):
        pipeline.restore(state | {change: state[change] + 1})


def test_an_error_of_the_reader_reaches_the_loop():
    def read(indices):
        raise ValueError("image 7 is corrupt")

    examples = Examples(x=LazyArray(read, np.arange(9), (2, 2, 1)))
    with pytest.raises(ValueError, match="image 7 is corrupt"):
        make_pipeline(examples, 3, seed=0).next(1)

"""What numbers are, and how they are shown."""

import pytest

from adversarial_latent.evaluation.registry import METRICS, Metric, describe


@pytest.mark.parametrize(
    ("metric", "value", "shown"),
    [
        (Metric("", ""), 0.12345, "0.123"),
        (Metric("", ""), 2.0, "2.000"),
        (Metric("", "", decimals=0), 24.6, "25"),
        (Metric("", "", decimals=1), 24.0, "24.0"),
        (Metric("", "", unit="%", decimals=2), 0.0625, "6.25"),
        (Metric("", "", unit="%", decimals=2), 1.0, "100.00"),
        (Metric("", "", unit="nats", decimals=2), -12.5, "-12.50"),
    ],
)
def test_values_have_fixed_decimals_and_no_unit(metric, value, shown):
    assert metric.show(value) == shown


def test_a_spread_is_shown_like_its_mean():
    assert Metric("", "", decimals=4).show_spread(0.025, 0.005) == "0.0250 ± 0.0050"
    share = Metric("", "", unit="%", decimals=2)
    assert share.show_spread(0.8625, 0.0992157) == "86.25 ± 9.92"


def test_the_unit_stands_behind():
    share = Metric("", "", unit="%", decimals=2)
    assert share.with_unit(share.show(0.9375)) == "93.75 %"
    assert share.with_unit(share.show_spread(0.5, 0.125)) == "50.00 ± 12.50 %"
    assert Metric("", "", unit="bits").with_unit("1.250") == "1.250 bits"
    assert Metric("", "").with_unit("1.250") == "1.250"


def test_registered_numbers_are_described():
    for name, metric in METRICS.items():
        assert describe(name) is metric
        assert metric.title
        assert metric.meaning
        assert metric.better in ("", "lower", "higher")
    titles = [metric.title for metric in METRICS.values()]
    assert len(set(titles)) == len(titles)


def test_percent_has_two_decimals_everywhere():
    shares = {name for name, metric in METRICS.items() if metric.unit == "%"}
    assert {METRICS[name].decimals for name in shares} == {2}
    assert {metric.unit for metric in METRICS.values()} == {"", "%", "bits", "nats"}
    accuracies_and_errors = {
        name for name in METRICS if "accuracy" in name or "_error" in name
    }
    assert accuracies_and_errors < shares


def test_numbers_of_an_attribute_are_described_as_the_whole():
    whole, colour = describe("caption_accuracy"), describe("caption_accuracy_colour")
    assert colour.title == f"{whole.title}: colour"
    assert "'colour'" in colour.meaning
    assert (colour.unit, colour.decimals) == (whole.unit, whole.decimals) == ("%", 2)
    assert colour.better == whole.better == "higher"
    assert describe("caption_accuracy_colour of leaves").title.endswith(
        ": colour of leaves"
    )


def test_what_is_no_attribute_is_described_as_itself():
    from_z = describe("clustering_accuracy_from_z")
    assert from_z is METRICS["clustering_accuracy_from_z"]
    assert from_z.better == "higher"


def test_an_unknown_number_has_just_its_name():
    metric = describe("a_new_number")
    assert metric == Metric("A new number", "")
    assert metric.with_unit(metric.show(2.5)) == "2.500"

"""The report is complete, self-contained and escaped."""

import base64
import html.parser
import json
import re

import numpy as np
import pytest

from adversarial_latent.evaluation import figures
from adversarial_latent.evaluation.report import write_report

SCRIPT = "<script>alert('class')</script>"


class _Tags(html.parser.HTMLParser):
    """Collects tags and checks that they are closed in order."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self):
        super().__init__()
        self.tags, self.open = [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _write(workdir, name, value):
    (workdir / name).write_text(json.dumps(value))


def _value(trials, chosen, protocol):
    return {
        "mean": float(np.mean(trials)),
        "std": float(np.std(trials, ddof=1)) if len(trials) > 1 else 0.0,
        "trials": trials,
        "chosen": trials[chosen],
        "protocol": protocol,
    }


@pytest.fixture
def run(tmp_path):
    """A run of three trials."""
    clustering = f"test split; 0 → {SCRIPT}"
    _write(
        tmp_path,
        "results.json",
        {
            "results": {
                "clustering_error": _value([0.1, 0.0625, 0.2], 1, clustering),
                "clustering_accuracy": _value([0.9, 0.9375, 0.75], 1, clustering),
                "reconstruction_mse": _value([0.02, 0.025, 0.03], 1, "pixels"),
                "a_new_number": _value([1.5, 2.5, 3.5], 1, ""),
            },
            "chosen_trial": 1,
            "selection": {
                "criterion": "mixture likelihood",
                "scores": [-3.25, -1.125, -2.5],
                "protocol": "The trial with the highest score, without labels.",
            },
            "protocol": {"samples": "64 draws"},
            "environment": {"commit": "abc", "device": "cpu"},
            "config_hash": "0123456789ab",
            "seeds": [5, 6, 7],
        },
    )
    _write(tmp_path, "config.json", {"game": {"name": "amm"}, "dataset": {"name": "d"}})
    _write(tmp_path, "dataset.json", {"num_train": 1437, "protocol": "80/20"})
    row = {"seconds": 1.0, "discriminator/loss": 1.0, "generator/loss": 2.0}
    lines = [json.dumps({"step": step} | row) for step in (500, 1000)]
    (tmp_path / "metrics.jsonl").write_text("\n".join(lines) + '\n{"step": 15')
    rng = np.random.default_rng(0)
    drawn = {}
    for name in ("samples", "clustering_components", "another"):
        drawn[name] = figures.image_grid(rng.uniform(size=(1, 2, 8, 8, 1)))
        drawn[name].set_label(f"Caption of {name} {SCRIPT}")
    figures.save_figures(drawn, tmp_path / "figures")
    return tmp_path


def _read(workdir) -> str:
    path = write_report(workdir)
    assert path == str(workdir / "report.html")
    with open(path, encoding="utf-8") as file:
        text = file.read()
    tags = _Tags()
    tags.feed(text)
    tags.close()
    assert not tags.open
    return text


def test_every_figure_is_embedded_in_order(run):
    text = _read(run)
    embedded = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    order = ("clustering_components", "samples", "another")
    files = [(run / "figures" / f"{name}.png").read_bytes() for name in order]
    decoded = [base64.b64decode(picture) for picture in embedded]
    assert decoded[:3] == files
    assert len(decoded) == 4  # and the training curves
    for name in order:
        assert f"<figcaption>Caption of {name} &lt;script&gt;" in text


def test_report_is_self_contained_and_escaped(run):
    text = _read(run)
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 4
    assert "http" not in text
    tags = _Tags()
    tags.feed(text)
    assert not {tag for tag, _ in tags.tags} & {"script", "link", "iframe"}
    sources = [attrs["src"] for _, attrs in tags.tags if "src" in attrs]
    assert all(source.startswith("data:") for source in sources)


def test_headline_and_numbers(run):
    text = _read(run)
    assert "<h1>AMM on d</h1>" in text
    assert "Trained for 1,000 steps on 1,437 examples in 3 trials" in text
    assert '<div class="headline"><strong>93.75 %</strong>' in text
    assert "Higher is better." in text
    assert "86.25 ± 9.92 %" in text  # mean and std of 90, 93.75 and 75
    assert "0.0250</td>" in text
    assert "0.0250 ± 0.0050</td>" in text
    assert "<tr><td>A new number<small></small></td>" in text
    assert ">2.500</td>" in text


def test_trials_show_the_chosen_one_and_the_criterion(run):
    text = _read(run)
    assert "The trial with the highest score, without labels." in text
    assert ">mixture likelihood</th>" in text
    heads = ("Clustering error, %", "Reconstruction error")
    assert all(f'<th class="number">{head}</th>' in text for head in heads)
    (chosen,) = re.findall(r'<tr class="chosen">(.*?)</tr>', text)
    cells = re.findall(r"<td[^>]*>(.*?)</td>", chosen)
    assert cells == ["1 (chosen)", "6", "-1.125", "93.75", "6.25", "0.0250"]


def test_protocol_config_and_environment(run):
    text = _read(run)
    shared = "Clustering error, Clustering accuracy, one-to-one</dt>"
    assert shared in text  # one entry for the protocol that they share
    assert "<dt>Data</dt><dd>80/20</dd>" in text
    assert "<dt>Samples</dt><dd>64 draws</dd>" in text
    assert "&quot;config_hash&quot;: &quot;0123456789ab&quot;" in text
    assert text.count("<details>") == 2


def test_arrays_are_listed_with_their_shapes(run):
    assert "Arrays" not in _read(run)
    (run / "arrays").mkdir()
    np.savez(run / "arrays" / "mixture.npz", mean=np.zeros((10, 4)), weight=np.ones(3))
    text = _read(run)
    assert "<dt>arrays/mixture.npz</dt><dd>mean [10, 4], weight [3]</dd>" in text
    assert "<details><summary>Arrays</summary><dl><dt>arrays" in text
    assert text.count("<details>") == 3


def test_a_classifier_is_headed_by_its_error(tmp_path):
    results = {
        name: _value([value], 0, "")
        for name, value in (
            ("log_p_z", -12.5),
            ("clustering_accuracy", 0.5),
            ("classifier_agreement", 0.975),
            ("classification_error_from_z", 0.0625),
            ("classification_error", 0.03125),
        )
    }
    _write(tmp_path, "results.json", {"results": results, "seeds": [0]})
    text = _read(tmp_path)
    assert '<div class="headline"><strong>3.12 %</strong>Classification error' in text
    titles = re.findall(r"<tr><td>([^<]+)<small>", text)
    assert titles == [
        "Classification error",
        "Classification error, from the code",
        "Clustering accuracy, one-to-one",
        "Agreement of image and code",
        "Log-density of the codes",
    ]
    assert "-12.50 nats</td>" in text


def test_what_was_left_out_is_listed(run):
    assert "Left out" not in _read(run)
    results = json.loads((run / "results.json").read_text())
    results["left_out"] = {"nmi": "not finite: nan", "caf\udce9": SCRIPT}
    _write(run, "results.json", results)
    text = _read(run)
    assert "<h2>Left out</h2><dl><dt>nmi</dt><dd>not finite: nan</dd>" in text
    assert r"<dt>caf\udce9</dt><dd>&lt;script" in text


def test_report_is_reproducible(run):
    assert _read(run) == _read(run)


def test_report_of_a_bare_run(tmp_path):
    _write(
        tmp_path,
        "results.json",
        {"results": {"nmi": _value([0.5], 0, "")}, "seeds": [3], "selection": {}},
    )
    text = _read(tmp_path)
    assert "<h1>Report of a run</h1>" in text
    assert "With seed 3." in text
    assert "<strong>0.500</strong>" in text
    for absent in ("<h2>Trials", "<h2>Figures", "<h2>Training", "<details", "±"):
        assert absent not in text


def test_report_without_any_number(tmp_path):
    _write(tmp_path, "results.json", {"results": {}, "seeds": [0]})
    text = _read(tmp_path)
    assert 'class="headline"' not in text
    assert "<h2>Numbers" not in text


def test_missing_results_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no results\.json.*evaluate"):
        write_report(tmp_path)

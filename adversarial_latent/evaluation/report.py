"""The report of a run: one self-contained HTML file."""

import base64
import html
import io
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from adversarial_latent.evaluation import figures
from adversarial_latent.evaluation.registry import METRICS, describe
from adversarial_latent.inputs import InputError, read_npz
from adversarial_latent.logging import read_metrics

_STYLE = """
:root { color-scheme: light dark; --ink: #1d1f23; --muted: #62676f; --line: #dfe2e6;
  --page: #fff; --card: #f6f7f9; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --muted: #9aa1aa;
  --line: #343a42; --page: #15181c; --card: #1e2329; --accent: #7fb2ee; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue",
  Arial, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.75rem 0 .75rem; padding-bottom: .3rem;
  border-bottom: 1px solid var(--line); }
p { margin: .5rem 0; }
.muted, figcaption { color: var(--muted); }
.headline { background: var(--card); border-left: 4px solid var(--accent);
  border-radius: 6px; padding: 1rem 1.25rem; margin: 1.25rem 0; }
.headline strong { font-size: 2rem; line-height: 1.2; display: block; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .5rem 0 .5rem .75rem; vertical-align: top;
  border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; }
th { font-weight: 600; font-size: .85rem; color: var(--muted); }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
th { vertical-align: bottom; }
td small { display: block; color: var(--muted); }
tr.chosen td { font-weight: 600; }
figure { margin: 1.5rem 0 2.25rem; }
figure img { display: block; max-width: 100%; height: auto; background: #fff;
  border-radius: 6px; padding: .5rem; border: 1px solid var(--line); }
figcaption { font-size: .9rem; margin-top: .5rem; max-width: 46rem; }
dt { font-weight: 600; margin-top: .75rem; }
dd { margin: 0; }
details { margin: .75rem 0; }
summary { cursor: pointer; font-weight: 600; }
pre { background: var(--card); padding: 1rem; border-radius: 6px; overflow-x: auto;
  font: .82rem/1.5 ui-monospace, Menlo, Consolas, monospace; }
@media print { main { max-width: none; padding: 0; } figure { break-inside: avoid; } }
"""


def write_report(workdir: str | os.PathLike[str]) -> str:
    """Writes report.html for an evaluated run.

    The report shows the contents of results.json, config.json, dataset.json,
    metrics.jsonl and figures/*.png, and lists arrays/*.npz. Only results.json is
    required. Images are embedded, and text is escaped. Equal files give equal reports.

    Args:
      workdir: directory of the run.

    Returns:
      The path of the report.

    Raises:
      FileNotFoundError: the directory has no results.json.
    """
    workdir = os.fspath(workdir)
    results = _read_json(workdir, "results.json")
    if results is None:
        raise FileNotFoundError(
            f"{workdir} has no results.json to report on: evaluate the run first with "
            "python -m experiments.evaluate"
        )
    config = _read_json(workdir, "config.json") or {}
    dataset = _read_json(workdir, "dataset.json") or {}
    rows = read_metrics(workdir)
    title = _title(config)
    sections = [
        f"<h1>{_escape(title)}</h1>",
        _subtitle(results, dataset, rows),
        _headline(results),
        _numbers(results),
        _left_out(results),
        _trials(results),
        _protocols(results, dataset),
        _figures(workdir, _number_of_trials(results)),
        _training(rows),
        _arrays(workdir),
        _details("Environment", _environment(results)),
        _details("Config", config),
    ]
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{_escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        "<body>\n<main>\n" + "\n".join(filter(None, sections)) + "\n</main>\n"
        "</body>\n</html>\n"
    )
    path = os.path.join(workdir, "report.html")
    # File names may contain bytes that are not valid text.
    with open(f"{path}.new", "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(page)
    os.replace(f"{path}.new", path)
    return path


def _escape(value: Any) -> str:
    return html.escape(str(value))


def _read_json(workdir: str, name: str) -> dict[str, Any] | None:
    path = os.path.join(workdir, name)
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def _number_of_trials(results: Mapping[str, Any]) -> int:
    return len(results.get("seeds", ())) or 1


def _title(config: Mapping[str, Any]) -> str:
    game = config.get("game", {}).get("name", "")
    data = config.get("dataset", {}).get("name", "")
    if game and data:
        return f"{game.upper()} on {data}"
    return "Report of a run"


def _subtitle(
    results: Mapping[str, Any],
    dataset: Mapping[str, Any],
    rows: Sequence[Mapping[str, Any]],
) -> str:
    """One line: the number of steps, of training examples and of trials."""
    parts = []
    if rows:
        parts.append(f"Trained for {rows[-1]['step']:,} steps")
    if "num_train" in dataset:
        parts.append(f"on {dataset['num_train']:,} examples")
    trials = _number_of_trials(results)
    if trials > 1:
        seeds = ", ".join(map(str, results["seeds"]))
        parts.append(f"in {trials} trials (seeds {seeds})")
    elif results.get("seeds"):
        parts.append(f"with seed {results['seeds'][0]}")
    if not parts:
        return ""
    line = " ".join(parts)
    return f'<p class="muted">{_escape(line[0].upper() + line[1:])}.</p>'


def _headline(results: Mapping[str, Any]) -> str:
    """The most important number of the run, with its meaning."""
    numbers = results.get("results", {})
    name = next((name for name in METRICS if name in numbers), None)
    if name is None:
        return ""
    metric, value = METRICS[name], numbers[name]
    shown = metric.with_unit(metric.show(value["chosen"]))
    meaning = f"{metric.title}: {metric.meaning}."
    if metric.better:
        meaning += f" {metric.better.capitalize()} is better."
    trials = _number_of_trials(results)
    if trials > 1:
        meaning += (
            f" This is trial {results['chosen_trial']}, chosen as described below; "
            f"the mean and standard deviation over all {trials} trials are "
            f"{metric.with_unit(metric.show_spread(value['mean'], value['std']))}."
        )
    return (
        f'<div class="headline"><strong>{_escape(shown)}</strong>'
        f"{_escape(meaning)}</div>"
    )


def _numbers(results: Mapping[str, Any]) -> str:
    """Table of all numbers."""
    numbers = results.get("results", {})
    if not numbers:
        return ""
    trials = _number_of_trials(results)
    order = [name for name in METRICS if name in numbers]
    order += sorted(numbers.keys() - METRICS.keys())
    columns = (
        ["chosen trial", f"mean ± std, {trials} trials"] if trials > 1 else ["value"]
    )
    if has_paper := any("paper" in value for value in numbers.values()):
        columns.append("paper")
    head = "".join(f'<th class="number">{_escape(column)}</th>' for column in columns)
    body = ""
    for name in order:
        metric, value = describe(name), numbers[name]
        cells = [metric.with_unit(metric.show(value["chosen"]))]
        if trials > 1:
            spread = metric.show_spread(value["mean"], value["std"])
            cells.append(metric.with_unit(spread))
        if has_paper:
            paper = value.get("paper")
            shown = "" if paper is None else metric.with_unit(metric.show(paper))
            cells.append(shown)
        meaning = metric.meaning
        if metric.better:
            meaning += f"; {metric.better} is better"
        body += (
            f"<tr><td>{_escape(metric.title)}<small>{_escape(meaning)}</small></td>"
            + "".join(f'<td class="number">{_escape(cell)}</td>' for cell in cells)
            + "</tr>"
        )
    return (
        '<h2>Numbers</h2><div class="scroll"><table><thead><tr><th></th>'
        f"{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _left_out(results: Mapping[str, Any]) -> str:
    """List of what could not be computed, with reasons."""
    body = "".join(
        f"<dt>{_escape(name)}</dt><dd>{_escape(reason)}</dd>"
        for name, reason in results.get("left_out", {}).items()
    )
    return f"<h2>Left out</h2><dl>{body}</dl>" if body else ""


def _trials(results: Mapping[str, Any]) -> str:
    """Table of trials, with the scores and the criterion of the selection."""
    trials = _number_of_trials(results)
    if trials < 2:
        return ""
    selection = results.get("selection") or {}
    numbers = results.get("results", {})
    names = [name for name in METRICS if name in numbers]
    chosen = results.get("chosen_trial")
    scores = selection.get("scores")
    heads = ["trial", "seed"]
    if scores:
        heads.append(selection.get("criterion", "score"))
    heads += [
        ", ".join(filter(None, (METRICS[name].title, METRICS[name].unit)))
        for name in names
    ]
    body = ""
    for trial, seed in enumerate(results["seeds"]):
        cells = [f"{trial} (chosen)" if trial == chosen else str(trial), str(seed)]
        if scores:
            cells.append(f"{scores[trial]:.4g}")
        cells += [describe(name).show(numbers[name]["trials"][trial]) for name in names]
        mark = ' class="chosen"' if trial == chosen else ""
        body += (
            f"<tr{mark}>"
            + "".join(f'<td class="number">{_escape(cell)}</td>' for cell in cells)
            + "</tr>"
        )
    head = "".join(f'<th class="number">{_escape(text)}</th>' for text in heads)
    protocol = selection.get("protocol", "")
    return (
        "<h2>Trials</h2>"
        + (f"<p>{_escape(protocol)}</p>" if protocol else "")
        + f'<div class="scroll"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def _protocols(results: Mapping[str, Any], dataset: Mapping[str, Any]) -> str:
    """List of protocols; metrics with the same protocol share an entry."""
    entries: dict[str, list[str]] = {}
    if dataset.get("protocol"):
        entries[dataset["protocol"]] = ["Data"]
    for name, value in results.get("results", {}).items():
        if value.get("protocol"):
            entries.setdefault(value["protocol"], []).append(describe(name).title)
    for name, protocol in results.get("protocol", {}).items():
        if protocol not in entries:
            entries[protocol] = [name.replace("_", " ").capitalize()]
    if not entries:
        return ""
    body = "".join(
        f"<dt>{_escape(', '.join(titles))}</dt><dd>{_escape(protocol)}</dd>"
        for protocol, titles in entries.items()
    )
    return f"<h2>Protocol</h2><dl>{body}</dl>"


def _figure(png: bytes) -> str:
    """A figure with the caption stored in it, shown at 100 dots per inch."""
    with Image.open(io.BytesIO(png)) as image:
        caption = image.info.get(figures.CAPTION_KEY, "")
        width = round(image.width / 1.6)
    data = base64.b64encode(png).decode("ascii")
    below = f"<figcaption>{_escape(caption)}</figcaption>" if caption else ""
    return (
        f'<figure><img width="{width}" alt="{_escape(caption)}" '
        f'src="data:image/png;base64,{data}">{below}</figure>'
    )


def _figures(workdir: str, trials: int) -> str:
    """The figures in figures/*.png."""
    directory = os.path.join(workdir, "figures")
    if not os.path.isdir(directory):
        return ""
    files = [name for name in os.listdir(directory) if name.endswith(".png")]
    rank = {f"{name}.png": index for index, name in enumerate(figures.FIGURES)}
    body = ""
    for name in sorted(files, key=lambda name: (rank.get(name, len(rank)), name)):
        with open(os.path.join(directory, name), "rb") as file:
            body += _figure(file.read())
    if not body:
        return ""
    note = '<p class="muted">All show the chosen trial.</p>' if trials > 1 else ""
    return f"<h2>Figures</h2>{note}{body}"


def _arrays(workdir: str) -> str:
    """Names and shapes of the arrays in arrays/*.npz."""
    directory = os.path.join(workdir, "arrays")
    if not os.path.isdir(directory):
        return ""
    body = ""
    for name in sorted(os.listdir(directory)):
        try:
            arrays = read_npz(Path(directory, name))
            shapes = [f"{key} {list(value.shape)}" for key, value in arrays.items()]
        except InputError:
            shapes = ["damaged"]
        body += f"<dt>arrays/{_escape(name)}</dt><dd>{_escape(', '.join(shapes))}</dd>"
    if not body:
        return ""
    return f"<details><summary>Arrays</summary><dl>{body}</dl></details>"


def _training(rows: Sequence[Mapping[str, Any]]) -> str:
    """The training curves of metrics.jsonl."""
    if not rows:
        return ""
    figure = figures.training_figure(rows)
    figure.set_label(
        "Training curves. With several trials, each is a thin line and their mean is "
        "a thick line."
    )
    png = io.BytesIO()
    figures.save_figure(figure, png)
    return f"<h2>Training</h2>{_figure(png.getvalue())}"


def _environment(results: Mapping[str, Any]) -> dict[str, Any]:
    environment = dict(results.get("environment") or {})
    if "config_hash" in results:
        environment["config_hash"] = results["config_hash"]
    return environment


def _details(title: str, values: Mapping[str, Any]) -> str:
    if not values:
        return ""
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
    return (
        f"<details><summary>{_escape(title)}</summary>"
        f"<pre>{_escape(text)}</pre></details>"
    )

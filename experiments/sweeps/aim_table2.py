"""Table 2 of AIM: mode collapse on the grid of 25 Gaussians.

    python -m experiments.sweep --sweep=experiments/sweeps/aim_table2.py \
        --workdir=runs/aim_table2

The paper quotes its rivals' numbers from VEEGAN's, where networks and lengths differ
from ours. Here all games have one setting, that of AIM; those that have published one
for this data have a second row with theirs, to which the quoted number belongs. ALI's
is cut from 400,000 to 60,000 steps, for which a CPU's core would take eight hours: so
the table takes two hours on two cores. `--index=2 -- --config.duration=400000_steps`
runs it whole.
"""

from experiments.sweeps import Row, Sweep

RIVALS = {
    "gan": ("Vanilla GAN", 3.3, 0.5),
    "ali": ("ALI", 15.84, 1.6),
    "alice": ("ALICE", None, None),
    "veegan": ("VEEGAN", 24.6, 40),
    "unrolled": ("Unrolled GAN", 23.6, 16),
    "aim_minus": ("AIM-", None, None),
    "aim": ("AIM", 25, 81.1),
}

SHORTENED = {"ali": "60000_steps"}


def rows(data: str, published: tuple[str, ...]) -> tuple[Row, ...]:
    """One row for each game, and one for each published setting."""
    made = []
    for game, (model, modes, quality) in RIVALS.items():
        paper = {}
        if data == "grid25" and modes is not None:
            paper = {
                "modes_captured": f"{modes}",
                "high_quality_fraction": f"{quality}",
            }
        alone = game not in published
        made.append(
            Row(
                model,
                "shared",
                paper if alone else {},
                name=game,
                config=f"configs/{data}.py:game={game}",
                overrides={"trials": 10},
            )
        )
        if not alone:
            duration = SHORTENED.get(game)
            made.append(
                Row(
                    model,
                    f"published, {duration}" if duration else "published",
                    paper,
                    name=f"{game}_published",
                    config=f"configs/{data}.py:game={game},published",
                    overrides={"trials": 10}
                    | ({"duration": duration} if duration else {}),
                )
            )
    return tuple(made)


SWEEP = Sweep(
    title="AIM, Table 2: modes of the grid of 25 Gaussians",
    results=("modes_captured", "high_quality_fraction", "per_mode_std"),
    rows=rows("grid25", ("ali", "veegan", "unrolled")),
)

"""Counts and rates that are known for simple programs."""

import jax.numpy as jnp
import numpy as np
import pytest

from experiments.benchmarks import machine


def test_costs_of_a_product():
    batch = {"x": jnp.ones((64, 32))}
    costs = machine.costs(
        lambda state, batch: state @ batch["x"], jnp.ones((16, 64)), batch
    )
    assert costs["flop"] == pytest.approx(2 * 16 * 64 * 32, rel=0.01)
    assert costs["bytes"] >= 4 * (64 * 32 + 16 * 64 + 16 * 32)


def test_programs_do_what_they_count(monkeypatch):
    monkeypatch.setattr(machine, "_SIZE", 8)
    monkeypatch.setattr(machine, "_ELEMENTS", 10)
    rates = machine.rates()
    assert rates["flop"][1] == 8 * 2 * 8**3
    assert rates["bytes"][1] == 2 * 4 * 10
    for program, _ in rates.values():
        program()


def test_shares():
    figures = machine.shares(
        {"flop": 30.0, "bytes": 4.0},
        np.array([1.0, 1.0, 9.0]),
        {"flop": np.array([1.0, 1.0, 5.0]), "bytes": np.array([2.0, 2.0, 2.0])},
        {"flop": 100.0, "bytes": 16.0},
    )
    assert figures["flop"]["share_of_machine"] == pytest.approx(0.3)
    assert figures["bytes"]["machine_per_second"] == pytest.approx(8000)
    assert figures["bytes"]["share_of_machine"] == pytest.approx(0.5)

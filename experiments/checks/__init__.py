"""Programs that check the whole system: regressions, faults, odd inputs and configs."""

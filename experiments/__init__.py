"""Programs: launch, evaluate, predict, sample, sweep, compare; benchmarks, checks."""

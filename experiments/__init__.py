"""Programs: launch, evaluate, predict, sample, benchmark."""

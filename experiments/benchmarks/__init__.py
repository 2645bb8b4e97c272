"""Programs that measure speed, next to a reference in the same process."""

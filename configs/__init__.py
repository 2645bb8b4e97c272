"""One file with `get_config(argument)` for each experiment."""

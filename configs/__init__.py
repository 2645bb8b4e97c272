"""One get_config(arg) file for each experiment."""

"""Metrics, evaluators, figures and the report."""

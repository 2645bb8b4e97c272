"""Data sources, splits and label subsets, and the two pipelines that feed a step."""

"""Metrics, evaluators, figures and the report."""

from adversarial_latent.evaluation.evaluator import Evaluation, Evaluator
from adversarial_latent.evaluation.evaluators import EVALUATORS, get_evaluator
from adversarial_latent.evaluation.figures import save_figures
from adversarial_latent.evaluation.report import write_report

__all__ = [
    "EVALUATORS",
    "Evaluation",
    "Evaluator",
    "get_evaluator",
    "save_figures",
    "write_report",
]

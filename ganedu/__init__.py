"""ganedu: generative adversarial networks, built piece by piece in the course's notebooks."""

__version__ = "0.2.0"

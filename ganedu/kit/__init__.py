"""What a learner acts with: predictions, the workspace, the record of progress."""

from ganedu.kit.predictions import predict, tally

__all__ = ["predict", "tally"]

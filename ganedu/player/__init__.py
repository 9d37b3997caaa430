"""Interactive pictures, each with a still picture of itself for where no kernel runs."""

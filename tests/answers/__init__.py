"""Right and wrong answers to every exercise, by chapter: what the checks must accept and name.

Each module chNN.py holds
    RIGHT = {"exercise": [answer, answer, ...]}             at least 2, written in different ways
    WRONG = {"exercise": [("NAME", answer), ...]}           at least 6, each rejected under its name
"""

"""Data that come with the package: each file with its source and licence in a text beside it."""

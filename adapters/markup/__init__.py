"""The output compiler: a model's Markdown in; out come pieces that a platform takes, and shows as they were meant."""

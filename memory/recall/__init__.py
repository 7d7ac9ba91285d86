"""Semantic recall: what was said long ago, or elsewhere, found by its words and its meaning."""

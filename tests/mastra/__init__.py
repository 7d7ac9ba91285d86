"""Hathi's tables read and written by Mastra's own npm packages."""

"""The page about a person: what they said of themselves, from a template, each line with where it was learned."""

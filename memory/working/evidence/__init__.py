"""Evidence for what a model notes about people: where in their own words it stands, and whether they say it is true."""

"""Evidence for what a model notes about somebody: where in their own words it stands, and whether it is said as true."""

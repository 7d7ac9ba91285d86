"""What goes when somebody wants a matter forgotten: found in what they said, told before it goes, and nothing else."""

"""What policies grant, learn and refuse."""

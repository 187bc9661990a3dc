"""The package that the reference documents."""

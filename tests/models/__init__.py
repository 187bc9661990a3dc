"""Policies, guard and scanner against scikit-learn, scipy and torch: ``make test-models`` has an environment with them."""

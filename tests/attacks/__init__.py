"""Attacks on a load under a policy, one class of them a file.

Each attack is inert: what it reaches is a file named ``effect`` in a temporary folder, a changed object of the throwaway
process, or that process's own end. Each is first proven against the stock engine, and then tried on every policy.
"""

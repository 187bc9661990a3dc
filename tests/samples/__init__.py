"""What earlier states of brinery wrote, which every later one reads.

Each numbered folder was written once, by ``python -m tests.samples N``, when a state was declared done, and is never changed.
"""

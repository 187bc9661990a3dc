"""The folder that goes on the ``PYTHONPATH`` of child processes."""

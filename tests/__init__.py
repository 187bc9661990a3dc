"""The Python tests of brinery."""

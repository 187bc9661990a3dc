//! The brinery command line as a library.

//! The extension module `brinery._brinery`.

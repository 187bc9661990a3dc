"""Objects that fight back while they are saved: random hooks that change what is being saved."""

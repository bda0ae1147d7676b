"""Functions of the user's program, on the far side: by value, by source, and with the modules that they need."""

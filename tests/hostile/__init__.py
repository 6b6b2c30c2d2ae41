"""Bad input over a real socket: every numbered case of the fault catalogue that this server answers today."""

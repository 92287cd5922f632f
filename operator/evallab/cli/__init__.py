"""The command `evallab`: one module per command, and the edge where settings are read and errors become exit codes."""

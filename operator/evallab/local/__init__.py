"""Local mode, wired: everything in one process on this machine. Used by the command line and the Python API."""

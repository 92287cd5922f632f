"""`python -m evallab.cli`: the command where it is not on the PATH."""

from evallab.cli.main import main

main()

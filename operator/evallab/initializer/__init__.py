"""What runs before an adapter in its pod: test data, verified, and what the attempt before had done already.

`preparing.prepare` is the whole of it; `evallab init` runs that and says why it failed where the operator reads it.
"""

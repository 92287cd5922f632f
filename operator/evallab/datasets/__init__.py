"""Test data as pinned snapshots: fetched once, hashed, verified before each use, offline afterwards.

`fetching.Fetcher` is what the engine and the command line call; `snapshots.Snapshots` is the directory they share.
One module per kind of source: `hub`, `web`, `s3`, `git`, `files`.
"""

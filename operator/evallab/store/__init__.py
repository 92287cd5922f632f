"""Where history and results live: Postgres, one dialect, SQL in files."""

"""What people and machines see of jobs: reports, tables, live progress, data frames."""

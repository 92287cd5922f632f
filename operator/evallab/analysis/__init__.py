"""What scores can and cannot say: intervals, paired comparisons, verdicts. Called by reporting and the engine."""

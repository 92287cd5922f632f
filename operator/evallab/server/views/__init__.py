"""From the store's rows to what clients read: EvalHub's resources, with ours in new fields. Pure."""

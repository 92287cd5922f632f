"""One level-triggered reconcile for both modes: observe → decide (`planning`) → act."""

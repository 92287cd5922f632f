"""The server inside a cluster: the same routes and bodies, with EvalJob objects, reviewed users pods behind them."""

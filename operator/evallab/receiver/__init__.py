"""Events and artifacts in, spooled, exactly once into the store; used by `run --local`, the server and the sidecar."""

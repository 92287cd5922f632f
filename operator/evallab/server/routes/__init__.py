"""The routes by theme; each module exports OPERATIONS, which `server.app` serves and `server.openapi` describes."""

"""What runs beside an adapter in its pod: takes its events, brings what it leaves to the server, holds its credentials.

`beside.attend` is the whole of it; `evallab sidecar` runs that. The server is reached by `uplink` alone, the model by
`proxy` alone.
"""

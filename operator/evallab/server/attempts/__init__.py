"""The door of attempts in a cluster: what their sidecars report and leave, and what they are given to begin with."""

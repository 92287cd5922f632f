"""evallab on a server or in a cluster, as the command line sees it: REST in, rows and reports of `reporting` out."""

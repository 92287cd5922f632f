module evallab.dev/cluster/pause

go 1.26.0

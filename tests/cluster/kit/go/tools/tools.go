//go:build tools

// Package tools pins the programs that `build` can add to the cluster.
package tools

import (
	_ "helm.sh/helm/v4/cmd/helm"
	_ "sigs.k8s.io/kwok/cmd/kwok"
)

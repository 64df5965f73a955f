// Command sanmon-vet finds the places of a Go program where a datum could become HTML by
// accident. It is a tool for go vet:
//
//	go vet -vettool=$(which sanmon-vet) ./...
//
// and runs alone, too: sanmon-vet ./... ; see docs/nature.md.
package main

import (
	"github.com/sanmon-gate/sanmon/web/nature/vet"
	"golang.org/x/tools/go/analysis/multichecker"
)

func main() { multichecker.Main(vet.New()) }

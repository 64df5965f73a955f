#!/usr/bin/env bash
# The static checks: gofmt, go vet, staticcheck. Prints what is wrong and exits 1.
set -u
cd "$(dirname "$0")/.."
status=0
unformatted=$(git ls-files -co --exclude-standard -- '*.go' | xargs -r gofmt -l)
if [ -n "$unformatted" ]; then
	printf 'gofmt: not formatted (run gofmt -w):\n%s\n' "$unformatted"
	status=1
fi
go vet ./... || status=1
go tool staticcheck ./... || status=1
# The web application firewall is a module of its own; its go.work knows this one.
(cd waf && go vet ./... && go tool staticcheck ./...) || status=1
exit $status

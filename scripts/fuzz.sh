#!/usr/bin/env bash
# Runs every fuzz target of the modules, one after the other, for FUZZTIME each (default 15s).
# Making an interesting input smaller takes a minute of its own by default, in which nothing is tried.
set -u
cd "$(dirname "$0")/.."
status=0
while IFS=: read -r file target; do
	dir=./$(dirname "$file")
	printf 'fuzz %s %s\n' "$dir" "$target"
	(cd "$dir" && go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-15s}" -fuzzminimizetime 1s .) || status=1
done < <(git ls-files -co --exclude-standard -- '*_test.go' |
	xargs -r grep -HoE '^func Fuzz[A-Za-z0-9_]*' | sed 's/func //')
exit $status

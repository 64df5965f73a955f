#!/usr/bin/env bash
# Checks the Python package: mypy --strict, its tests against the real frameworks, and that
# its wheel can be built and holds what it should. Ends with pytest's own summary.
set -u
cd "$(dirname "$0")/../python"
python=../.cache/venv/bin/python

if ! "$python" -c 'import pytest, mypy, hatchling, django, fastapi, flask, jwt' 2>/dev/null; then
	echo "python: its environment is missing or incomplete (scripts/testdeps.sh makes it); the tests of the package skip"
	exit 0
fi
status=0
"$python" -m mypy --cache-dir ../.cache/mypy || status=1
out=$(mktemp -d) || exit 1
trap 'rm -rf "$out"' EXIT
if "$python" -m pip --disable-pip-version-check wheel -q --no-deps --no-build-isolation -w "$out" . &&
	"$python" -m zipfile -l "$out"/sanmon-*.whl >"$out/list" && grep -q 'sanmon/py.typed' "$out/list" && grep -q 'sanmon/django.py' "$out/list"; then
	echo "python: wheel built"
else
	echo "python: the wheel could not be built, or lacks a file"
	status=1
fi
"$python" -B -m pytest || status=1
exit $status

#!/usr/bin/env bash
# Installs what the end-to-end tests use beside Go, and says in one line per part what it
# could not have. Safe to run again; quick when nothing is missing. Always exits 0: a test
# whose part is missing skips and names it.
#
#   scripts/testdeps.sh          what `make test` needs
#   scripts/testdeps.sh bench    wrk as well
set -u
cd "$(dirname "$0")/.."

say() { printf 'testdeps: %s\n' "$*"; }

# apt PACKAGE…: installs Debian packages when that is possible.
apt_ready=
apt() {
	[ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 1
	if [ -z "$apt_ready" ]; then
		timeout 120 apt-get update -qq >/dev/null 2>&1
		apt_ready=1
	fi
	DEBIAN_FRONTEND=noninteractive timeout 300 \
		apt-get install -y -qq --no-install-recommends "$@" >/dev/null 2>&1
}

# part NAME TEST PACKAGE…: installs packages unless the test command already succeeds.
part() {
	local name=$1 check=$2
	shift 2
	if "$check"; then
		say "$name: present"
	elif apt "$@" && "$check"; then
		say "$name: installed"
	else
		say "$name: missing, and could not be installed (as root: apt-get install $*); its tests skip"
	fi
}

has_gcc() { command -v gcc >/dev/null || command -v cc >/dev/null; }
has_age() { command -v age >/dev/null && command -v age-keygen >/dev/null; }
has_curl() { command -v curl >/dev/null; }
has_nginx() { command -v nginx >/dev/null; }
has_caddy() { command -v caddy >/dev/null; }
has_valkey() { command -v valkey-server >/dev/null || command -v redis-server >/dev/null; }
has_wrk() { command -v wrk >/dev/null; }
has_chromium() { command -v chromium >/dev/null || command -v chromium-browser >/dev/null || command -v google-chrome >/dev/null; }
has_japanese() { [ -n "$(fc-list :lang=ja 2>/dev/null)" ]; }
has_postgres() {
	local d
	for d in /usr/lib/postgresql/*/bin; do
		[ -x "$d/initdb" ] && [ -x "$d/postgres" ] && return 0
	done
	command -v initdb >/dev/null && command -v postgres >/dev/null
}

# can_venv PYTHON: it is 3.10 or newer and makes an environment with pip in it.
can_venv() {
	"$1" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || return 1
	local d ok=1
	d=$(mktemp -d) || return 1
	"$1" -m venv "$d/v" >/dev/null 2>&1 && [ -x "$d/v/bin/pip" ] && ok=0
	rm -rf "$d"
	return $ok
}

# find_python prints the newest interpreter that can make an environment. A python3 in
# PATH may be a version manager's shim, so the places of its versions are looked at too.
find_python() {
	local p
	for p in python3.14 python3.13 python3.12 "${HOME:-/root}"/.pyenv/versions/3.14.*/bin/python3 \
		"${HOME:-/root}"/.pyenv/versions/3.13.*/bin/python3 "${HOME:-/root}"/.pyenv/versions/3.12.*/bin/python3 \
		python3 /usr/bin/python3 python3.11 python3.10; do
		p=$(command -v "$p" 2>/dev/null) || continue
		if can_venv "$p"; then
			printf '%s\n' "$p"
			return 0
		fi
	done
	return 1
}

backends() {
	local venv=.cache/venv want python
	want=$(cksum <e2e/requirements.txt)
	if [ "$(cat $venv/.installed 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then
		say "python backends: present"
		return
	fi
	if ! python=$(find_python); then
		apt python3 python3-venv
		if ! python=$(find_python); then
			say "python backends: no python3 (3.10 or newer) that can make an environment (apt-get install python3-venv); their tests skip"
			return
		fi
	fi
	mkdir -p .cache
	rm -rf "$venv"
	if "$python" -m venv "$venv" >/dev/null 2>&1 &&
		timeout 300 "$venv/bin/pip" install -q --disable-pip-version-check -r e2e/requirements.txt >.cache/pip.log 2>&1; then
		printf '%s' "$want" >"$venv/.installed"
		say "python backends: installed ($("$venv/bin/python" -V 2>&1))"
	else
		say "python backends: could not be installed: $(tail -n 1 .cache/pip.log 2>/dev/null) (see .cache/pip.log); their tests skip"
	fi
}

# peers are the libraries of AWS and Google that the sources of secrets are held against, in
# an environment of their own: theirs and the backends' do not agree on versions.
peers() {
	local venv=.cache/peers list=keys/source/peers/requirements.txt want python
	want=$(cksum <$list)
	if [ "$(cat $venv/.installed 2>/dev/null)" = "$want" ] && "$venv/bin/python" -c '' 2>/dev/null; then
		say "libraries of AWS and Google (sources of secrets): present"
	elif rm -rf $venv && mkdir -p .cache && python=$(find_python) && "$python" -m venv $venv >/dev/null 2>&1 &&
		timeout 300 "$venv/bin/pip" install -q --disable-pip-version-check -r $list >.cache/peers.log 2>&1; then
		printf '%s' "$want" >$venv/.installed
		say "libraries of AWS and Google (sources of secrets): installed"
	else
		rm -rf $venv
		say "libraries of AWS and Google (sources of secrets): could not be installed (see .cache/peers.log); their tests skip"
	fi
}

# gitleaks is a Go program; GOBIN keeps it in here.
gitleaks() {
	if [ -x .cache/bin/gitleaks ]; then
		say "gitleaks (published rules): present"
	elif GOFLAGS= GOBIN="$PWD/.cache/bin" timeout 300 "${GO:-go}" install github.com/zricethezav/gitleaks/v8@v8.24.2 >/dev/null 2>&1; then
		say "gitleaks (published rules): installed"
	else
		say "gitleaks (published rules): missing, and could not be built; its test skips"
	fi
}

# npm_part NAME DIR PACKAGE: packages from npm, pinned by e2e/DIR/package.json, in .cache/DIR.
has_node() { command -v node >/dev/null && command -v npm >/dev/null; }
npm_part() {
	local name=$1 dir=.cache/$2 from=e2e/$2/package.json
	if ! has_node; then
		say "$name: no node; its tests skip"
	elif cmp -s "$from" "$dir/package.json" && [ -d "$dir/node_modules/$3" ]; then
		say "$name: present"
	else
		rm -rf "$dir"
		mkdir -p "$dir"
		cp "$from" "$dir/"
		if (cd "$dir" && timeout 120 npm install --ignore-scripts --no-audit --no-fund --no-package-lock >../npm.log 2>&1); then
			say "$name: installed"
		else
			rm -rf "$dir"
			say "$name: could not be installed (see .cache/npm.log); its tests skip"
		fi
	fi
}

part "C compiler (race detector)" has_gcc gcc libc6-dev
part "curl" has_curl curl
part "PostgreSQL" has_postgres postgresql
part "Chromium" has_chromium chromium
part "Japanese font (screenshots)" has_japanese fonts-ipafont-gothic
part "nginx (forward-auth)" has_nginx nginx-light
part "Caddy (forward-auth)" has_caddy caddy
part "Valkey or Redis (shared limits)" has_valkey redis-server
part "age (encrypted secrets)" has_age age
part "Node (OAuth and OpenID programs of others)" has_node nodejs npm
backends
peers
npm_part "openid-client" clients openid-client
npm_part "axe-core (accessibility)" axe axe-core
gitleaks
if [ "${1:-}" = bench ]; then
	part "wrk (bench has a load generator of its own)" has_wrk wrk
fi
exit 0

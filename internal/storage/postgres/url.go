package postgres

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const connectTimeout = 5 * time.Second

// parse reads the URL of a database. Errors never quote it: a password may be in it
// by mistake, and errors of net/url and pgx quote what they were given.
func parse(raw string, o Options) (*pgx.ConnConfig, error) {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "postgres" && u.Scheme != "postgresql") {
		return nil, errors.New("the address of the store is no URL of PostgreSQL (write postgres://user@host:5432/database)")
	}
	if _, set := u.User.Password(); set || u.Query().Has("password") {
		return nil, errors.New("the address of the store holds a password (give it as a reference: env:NAME, file:PATH or cred:NAME)")
	}
	if err := guarded(u); err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(raw)
	if err != nil {
		return nil, fmt.Errorf("the address of the store at %s has a setting that cannot be used (compare it with postgresql.org/docs, libpq connection strings)", u.Host)
	}
	config.ConnectTimeout = connectTimeout
	settings(config.RuntimeParams, o)
	return config, nil
}

// guarded refuses an unencrypted connection over a network that nobody asked for:
// without sslmode, and with allow and prefer, the driver takes what an attacker
// leaves it (postgresql.org/docs, libpq SSL mode descriptions).
func guarded(u *url.URL) error {
	mode := u.Query().Get("sslmode")
	if local(u) || (mode != "" && mode != "allow" && mode != "prefer") {
		return nil
	}
	return fmt.Errorf("the connection to the store at %s may be unencrypted (add sslmode=verify-full, or sslmode=disable in a network that is private)", u.Host)
}

// local reports whether every host of u is this machine.
func local(u *url.URL) bool {
	hosts := u.Hostname()
	if h := u.Query().Get("host"); h != "" {
		hosts = h
	}
	for host := range strings.SplitSeq(hosts, ",") {
		addr, err := netip.ParseAddr(host)
		if host != "" && host != "localhost" && !strings.HasPrefix(host, "/") && (err != nil || !addr.IsLoopback()) {
			return false
		}
	}
	return true
}

// settings are made for each connection: every wait of the server ends by itself,
// and a node that died in the middle of a change does not hold the others up.
func settings(params map[string]string, o Options) {
	ms := strconv.FormatInt(o.Timeout.Milliseconds(), 10)
	params["application_name"] = "sanmon"
	params["search_path"] = o.Schema
	params["statement_timeout"] = ms
	params["lock_timeout"] = ms
	params["idle_in_transaction_session_timeout"] = ms
	params["default_transaction_isolation"] = "read committed" // changes are in one order by the head row
}

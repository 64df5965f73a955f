package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/sanmon-gate/sanmon/secret"
)

// Password is a password that may be another one tomorrow. Connections that stand are kept;
// each new one asks for it.
type Password struct {
	// Now returns the password in force. Its error keeps the connection from being made.
	Now func() (secret.Value, error)
	// Refused is called when the server did not take the password. It looks for another one,
	// and reports whether there is: then the connection is tried once more.
	Refused func(context.Context) bool
}

// fixed is a password that stays.
func fixed(v secret.Value) Password {
	return Password{Now: func() (secret.Value, error) { return v, nil }, Refused: func(context.Context) bool { return false }}
}

// put writes the password in force into config.
func (p Password) put(config *pgx.ConnConfig) error {
	v, err := p.Now()
	if err == nil && !v.Empty() {
		config.Password = string(v.Expose())
	}
	return err
}

// connect makes one connection, with one more attempt after a refused password.
func (p Password) connect(ctx context.Context, config *pgx.ConnConfig) (*pgx.Conn, error) {
	own := config.Copy()
	if err := p.put(own); err != nil {
		return nil, err
	}
	conn, err := pgx.ConnectConfig(ctx, own)
	if err == nil || !refused(err) || !p.Refused(ctx) {
		return conn, err
	}
	if err := p.put(own); err != nil {
		return nil, err
	}
	return pgx.ConnectConfig(ctx, own)
}

// refused tells a password that the server did not take (PostgreSQL, Appendix A:
// invalid_password and invalid_authorization_specification).
func refused(err error) bool {
	e, ok := errors.AsType[*pgconn.PgError](err)
	return ok && (e.Code == "28P01" || e.Code == "28000")
}

// connector makes the connections of the pool.
type connector struct {
	driver.Connector
	password Password
}

func newConnector(config *pgx.ConnConfig, p Password) connector {
	put := func(_ context.Context, c *pgx.ConnConfig) error { return p.put(c) }
	return connector{stdlib.GetConnector(*config, stdlib.OptionBeforeConnect(put)), p}
}

// Connect implements driver.Connector.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err == nil || !refused(err) || !c.password.Refused(ctx) {
		return conn, err
	}
	return c.Connector.Connect(ctx)
}

// Try connects to a database with a password and disconnects again: whether it would do.
func Try(ctx context.Context, url string, password secret.Value) error {
	o, err := Options{}.filled()
	if err != nil {
		return err
	}
	config, err := parse(url, o)
	if err != nil {
		return err
	}
	conn, err := fixed(password).connect(ctx, config)
	if err != nil {
		return explain(config, err)
	}
	if err := conn.Close(ctx); err != nil {
		return fmt.Errorf("close the connection: %w", err)
	}
	return nil
}

package valkey

import (
	"context"
	"strings"

	"github.com/sanmon-gate/sanmon/secret"
)

// Password is a password that may be another one tomorrow. Connections that stand are kept;
// each new one asks for it.
type Password struct {
	// Now returns the password in force.
	Now func() (secret.Value, error)
	// Refused is called when the server did not take the password. It looks for another one,
	// and reports whether there is.
	Refused func(context.Context) bool
}

func fixed(v secret.Value) Password {
	return Password{Now: func() (secret.Value, error) { return v, nil }, Refused: func(context.Context) bool { return false }}
}

// UsePassword makes new connections log in with p.
func (l *Limiter) UsePassword(p Password) { l.password.Store(&p) }

// credentials is asked for each new connection.
func (l *Limiter) credentials(context.Context) (user, password string, err error) {
	v, err := l.password.Load().Now()
	if err != nil || v.Empty() {
		return l.user, "", err
	}
	return l.user, string(v.Expose()), nil
}

// refused tells a password that the server did not take.
func refused(err error) bool {
	for _, word := range []string{"WRONGPASS", "NOAUTH", "invalid password", "invalid username-password"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}

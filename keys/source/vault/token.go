package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Token is what calls are made with.
type Token struct {
	Value     secret.Value
	From      time.Time     // when it was given or renewed
	Lease     time.Duration // how long it lives from then; 0: as long as it is taken
	Renewable bool
	Kept      bool // somebody else keeps it fresh: taking it again makes none
}

// due reports whether two thirds of the lease are over.
func (t *Token) due(now time.Time) bool { return t.Lease > 0 && now.Sub(t.From) >= t.Lease*2/3 }

func (t *Token) over(now time.Time) bool { return t.Lease > 0 && now.Sub(t.From) >= t.Lease }

// SignIn gets a token.
type SignIn func(ctx context.Context, do Do, now time.Time) (*Token, error)

// Held follows a reference to something to sign in with.
type Held func(context.Context) (secret.Value, error)

// WithToken takes the token that somebody keeps fresh, such as a Vault Agent.
func WithToken(token Held) SignIn {
	return func(ctx context.Context, _ Do, now time.Time) (*Token, error) {
		v, err := token(ctx)
		if err != nil {
			return nil, fmt.Errorf("token: %w", err)
		}
		// It is read again every minute: the one who keeps it fresh may have exchanged it.
		return &Token{Value: v, From: now, Lease: time.Minute, Kept: true}, nil
	}
}

// AppRole signs in as a role: auth/MOUNT/login.
func AppRole(mount, roleID string, secretID Held) SignIn {
	return login(mount, "AppRole", "secret_id", secretID, map[string]string{"role_id": roleID})
}

// Kubernetes signs in with a service account: auth/MOUNT/login.
func Kubernetes(mount, role string, jwt Held) SignIn {
	return login(mount, "Kubernetes", "jwt", jwt, map[string]string{"role": role})
}

func login(mount, method, name string, held Held, with map[string]string) SignIn {
	return func(ctx context.Context, do Do, now time.Time) (*Token, error) {
		v, err := held(ctx)
		if err != nil {
			return nil, fmt.Errorf("sign in by %s: %w", method, err)
		}
		body := map[string]string{name: string(v.Expose())}
		for k, v := range with {
			body[k] = v
		}
		text, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("sign in by %s: %w", method, err)
		}
		defer clear(text)
		answer, err := do(ctx, Call{Method: "POST", Path: "auth/" + strings.Trim(mount, "/") + "/login", Body: text})
		if err != nil {
			return nil, fmt.Errorf("sign in by %s: %w", method, err)
		}
		t, err := granted(answer, now)
		if err != nil {
			return nil, fmt.Errorf("sign in by %s: %w", method, err)
		}
		return t, nil
	}
}

// granted reads the answer to a login or a renewal.
func granted(a Answer, now time.Time) (*Token, error) {
	defer clear(a.Body)
	switch {
	case a.Status == 400 || a.Status == 403:
		return nil, errors.New("the server refuses it (look at the role, and whether what is signed in with has expired or was used up)")
	case a.Status == 404:
		return nil, errors.New("the method is not mounted there (vault auth list)")
	case a.Status == 503:
		return nil, errors.New("the server is sealed or in maintenance (vault operator unseal)")
	case a.Status != 200:
		return nil, fmt.Errorf("the server answered with status %d (look at its log)", a.Status)
	}
	var read struct {
		Auth *struct {
			ClientToken   string `json:"client_token"`
			LeaseDuration int64  `json:"lease_duration"`
			Renewable     bool   `json:"renewable"`
		} `json:"auth"`
	}
	if json.Unmarshal(a.Body, &read) != nil || read.Auth == nil || read.Auth.ClientToken == "" || strings.ContainsAny(read.Auth.ClientToken, "\r\n\x00") {
		return nil, errors.New("the answer has no token (is the address that of a Vault server?)")
	}
	lease := time.Duration(min(max(read.Auth.LeaseDuration, 0), 10*365*24*3600)) * time.Second
	return &Token{Value: secret.NewString(read.Auth.ClientToken), From: now, Lease: lease, Renewable: read.Auth.Renewable}, nil
}

// How long a refusal waits for the next new token, from the second one on, and at most.
const (
	signInMin = time.Minute
	signInMax = 10 * time.Minute
)

// errTooSoon says that a new token was made a moment ago for the same refusal.
var errTooSoon = errors.New("a new token was refused as well a moment ago")

// token returns one that is good, or another one than refused. Calls that come while
// somebody signs in wait for that. Vault says 403 to a token that was revoked and to one whose
// policy denies the path (HTTP API, status codes): the first is helped by a new token, and for
// the second each attempt would leave one behind that lives its whole lease.
func (c *Client) token(ctx context.Context, refused *Token) (*Token, error) {
	if t := c.held.Load(); t != nil && t != refused && !t.due(c.now()) {
		return t, nil
	}
	turn := c.turn()
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
	case <-ctx.Done():
		return nil, fmt.Errorf("sign in: %w", ctx.Err())
	}
	now, t := c.now(), c.held.Load()
	if t != nil && t != refused && !t.due(now) {
		return t, nil // somebody was first
	}
	if t != nil && t != refused && t.Renewable && !t.over(now) {
		if fresh, err := c.renew(ctx, t, now); err == nil {
			c.held.Store(fresh)
			return fresh, nil
		} // then as if there were none
	}
	c.pace.Min, c.pace.Max = signInMin, signInMax
	if refused != nil && t == refused && !t.Kept && !c.pace.Take(now) {
		return nil, errTooSoon
	}
	fresh, err := c.SignIn(ctx, c.Do, now)
	if err != nil {
		return nil, err
	}
	c.held.Store(fresh)
	return fresh, nil
}

func (c *Client) renew(ctx context.Context, t *Token, now time.Time) (*Token, error) {
	answer, err := c.Do(ctx, Call{Method: "POST", Path: "auth/token/renew-self", Token: t.Value, Body: []byte("{}")})
	if err != nil {
		return nil, err
	}
	fresh, err := granted(answer, now)
	if err == nil && fresh.Lease < time.Second {
		return nil, errors.New("it cannot be renewed any further")
	}
	return fresh, err
}

func (c *Client) turn() chan struct{} {
	if p := c.signing.Load(); p != nil {
		return *p
	}
	fresh := make(chan struct{}, 1)
	c.signing.CompareAndSwap(nil, &fresh)
	return *c.signing.Load()
}

// splitMount takes the first segment off.
func splitMount(path string) (mount, rest string) {
	mount, rest, _ = strings.Cut(path, "/")
	return mount, rest
}

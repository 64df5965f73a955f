// Package vault fetches secrets from HashiCorp Vault and OpenBao over their HTTP API: the
// key-value engines of versions 1 and 2, signed in with a token, as an AppRole or with a
// Kubernetes service account.
//
// It reads key-value engines only. An engine that makes a new credential for each reading
// (database, aws, …) is refused, because references are read again and again.
package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// Call is one request of the API.
type Call struct {
	Method string
	Path   string // below /v1/, escaped
	Query  string // without ?
	Token  secret.Value
	Body   []byte // JSON; nil none
}

// Answer is what came back: at most a mebibyte of body.
type Answer struct {
	Status int
	Body   []byte
}

// Do makes calls. Its errors name the server and never what was sent.
type Do func(context.Context, Call) (Answer, error)

// Client fetches secrets. Its fields are set before use. It is safe for concurrent use.
type Client struct {
	Do     Do
	SignIn SignIn
	Now    func() time.Time // nil: time.Now

	held    atomic.Pointer[Token]
	signing atomic.Pointer[chan struct{}] // one token: the right to sign in
	pace    source.Pace                   // of who has that right: how often a refusal makes a new token
}

var _ source.Remote = (*Client)(nil)

// Fetch implements source.Remote. A token that is refused is replaced once.
func (c *Client) Fetch(ctx context.Context, at source.Location) (secret.Value, error) {
	token, err := c.token(ctx, nil)
	if err != nil {
		return secret.Value{}, err
	}
	call := Call{Method: "GET", Token: token.Value}
	call.Path, call.Query = pathOf(at)
	answer, err := c.Do(ctx, call)
	if err == nil && answer.Status == 403 { // the token may have been revoked, or exchanged
		token, err = c.token(ctx, token)
		switch {
		case err == nil:
			call.Token = token.Value
			answer, err = c.Do(ctx, call)
		case errors.Is(err, errTooSoon):
			err = nil // the answer stands
		}
	}
	if err != nil {
		return secret.Value{}, err
	}
	if answer.Status != 200 {
		return secret.Value{}, explain(answer, at)
	}
	return field(answer.Body, at)
}

// pathOf is where a secret is in the API (developer.hashicorp.com, KV secrets engine).
func pathOf(at source.Location) (path, query string) {
	u := url.URL{Path: at.Path}
	mount, rest := splitMount(u.EscapedPath())
	if at.Params["kv"] == "1" {
		return mount + "/" + rest, ""
	}
	if v := at.Params["version"]; v != "" {
		query = "version=" + v
	}
	return mount + "/data/" + rest, query
}

// field takes one field out of a read secret.
func field(body []byte, at source.Location) (secret.Value, error) {
	defer clear(body)
	var read struct {
		LeaseID string          `json:"lease_id"`
		Data    json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &read) != nil {
		return secret.Value{}, errors.New("the answer is no JSON (is the address that of a Vault server?)")
	}
	if read.LeaseID != "" {
		return secret.Value{}, errors.New("the engine makes a new credential for each reading (name a key-value engine; let a Vault Agent write the others to a file, and write file:PATH)")
	}
	data := read.Data
	if at.Params["kv"] != "1" {
		var two struct {
			Data json.RawMessage `json:"data"`
		}
		if json.Unmarshal(data, &two) != nil || len(two.Data) == 0 {
			return secret.Value{}, errors.New("the answer is not that of a key-value engine of version 2 (add ?kv=1 to the reference for one of version 1)")
		}
		data = two.Data
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(data, &fields) != nil || fields == nil {
		return secret.Value{}, fmt.Errorf("%w: this version was deleted (restore it, or name another)", source.ErrAbsent)
	}
	raw, ok := fields[at.Field]
	if !ok {
		return secret.Value{}, fmt.Errorf("%w: the secret has no field of that name", source.ErrAbsent)
	}
	var text string
	if json.Unmarshal(raw, &text) != nil || string(raw) == "null" {
		return secret.Value{}, errors.New("the field is no text (store it as a string)")
	}
	return secret.NewString(text), nil
}

// explain says what an answer other than 200 means (developer.hashicorp.com, HTTP API,
// status codes). What the server wrote is not repeated.
func explain(a Answer, at source.Location) error {
	switch a.Status {
	case 400:
		return errors.New("the server does not understand the request (is the mount a key-value engine?)")
	case 403:
		return errors.New("the server refuses it (let the policy of the role read this path; for version 2 it is MOUNT/data/PATH)")
	case 404:
		hint := "look at mount and path; add ?kv=1 to the reference if the engine is of version 1"
		if at.Params["kv"] == "1" {
			hint = "look at mount and path; leave ?kv=1 out if the engine is of version 2"
		}
		return fmt.Errorf("%w there, or was deleted (%s)", source.ErrAbsent, hint)
	case 429, 472, 473:
		return fmt.Errorf("the server is a standby or has too much to do, status %d (name the active one)", a.Status)
	case 501:
		return errors.New("the server is not initialised (vault operator init)")
	case 503:
		return errors.New("the server is sealed or in maintenance (vault operator unseal)")
	}
	return fmt.Errorf("the server answered with status %d (look at its log)", a.Status)
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// Package gcp fetches secrets from Google Cloud Secret Manager over its REST API, with the
// token that the metadata server of the instance gives to its service account.
package gcp

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// Get asks an address with header fields and returns status and at most a mebibyte of answer.
type Get func(ctx context.Context, method, url string, header map[string]string) (status int, answer []byte, err error)

// The addresses of the services (cloud.google.com: Secret Manager API,
// projects.secrets.versions.access; Compute Engine, access tokens of the metadata server).
const (
	API      = "https://secretmanager.googleapis.com"
	Metadata = "http://metadata.google.internal"
)

// Client fetches secrets. Its fields are set before use. It is safe for concurrent use.
type Client struct {
	Get      Get
	API      string           // "": API
	Metadata string           // "": Metadata
	Now      func() time.Time // nil: time.Now

	held atomic.Pointer[token]
}

var _ source.Remote = (*Client)(nil)

type token struct {
	value secret.Value
	until time.Time
}

// Fetch implements source.Remote. A token that is refused is replaced once.
func (c *Client) Fetch(ctx context.Context, at source.Location) (secret.Value, error) {
	name := at.Path
	if strings.Count(name, "/") == 3 {
		name += "/versions/latest"
	}
	for attempt := 1; ; attempt++ {
		t, err := c.token(ctx, attempt > 1)
		if err != nil {
			return secret.Value{}, err
		}
		status, answer, err := c.Get(ctx, "GET", or(c.API, API)+"/v1/"+name+":access", map[string]string{"Authorization": "Bearer " + string(t.Expose())})
		if err != nil {
			return secret.Value{}, err
		}
		if status == 401 && attempt == 1 {
			continue
		}
		if status != 200 {
			clear(answer)
			return secret.Value{}, explain(status)
		}
		return value(answer, at.Field)
	}
}

// value takes the payload, whose checksum must hold, or one member of it.
func value(answer []byte, field string) (secret.Value, error) {
	defer clear(answer)
	var read struct {
		Payload struct {
			Data       string          `json:"data"`
			DataCRC32C json.RawMessage `json:"dataCrc32c"` // a 64-bit number, so a string in JSON
		} `json:"payload"`
	}
	if json.Unmarshal(answer, &read) != nil {
		return secret.Value{}, errors.New("the answer is no JSON (is the address that of Secret Manager?)")
	}
	b, err := base64.StdEncoding.DecodeString(read.Payload.Data)
	defer clear(b)
	if err != nil {
		return secret.Value{}, errors.New("the payload is not base64")
	}
	if sum := strings.Trim(string(read.Payload.DataCRC32C), `"`); sum != "" && sum != "null" &&
		sum != strconv.FormatUint(uint64(crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))), 10) {
		return secret.Value{}, errors.New("the checksum of the payload does not hold: it was damaged on the way")
	}
	if field != "" {
		return source.Member(b, field)
	}
	return secret.New(b), nil
}

func (c *Client) token(ctx context.Context, again bool) (secret.Value, error) {
	now := time.Now()
	if c.Now != nil {
		now = c.Now()
	}
	if t := c.held.Load(); t != nil && !again && now.Before(t.until.Add(-time.Minute)) {
		return t.value, nil
	}
	status, answer, err := c.Get(ctx, "GET", or(c.Metadata, Metadata)+"/computeMetadata/v1/instance/service-accounts/default/token", map[string]string{"Metadata-Flavor": "Google"})
	if err != nil {
		return secret.Value{}, fmt.Errorf("the metadata server gives no token (run on Google Cloud with a service account, or fetch the secret into a file and write file:PATH): %w", err)
	}
	defer clear(answer)
	var read struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int64  `json:"expires_in"`
		TokenType   string `json:"token_type"`
	}
	if status != 200 || json.Unmarshal(answer, &read) != nil || read.AccessToken == "" || strings.ContainsAny(read.AccessToken, "\r\n") {
		return secret.Value{}, fmt.Errorf("the metadata server answered with status %d and no token (give the instance a service account)", status)
	}
	t := &token{secret.NewString(read.AccessToken), now.Add(time.Duration(min(max(read.ExpiresIn, 0), 24*3600)) * time.Second)}
	c.held.Store(t)
	return t.value, nil
}

// explain says what a status means (cloud.google.com, Secret Manager, errors).
func explain(status int) error {
	switch status {
	case 400:
		return errors.New("the version is disabled or destroyed, or the name cannot be one")
	case 401, 403:
		return errors.New("the service refuses it (give the service account roles/secretmanager.secretAccessor, and the instance the scope cloud-platform)")
	case 404:
		return fmt.Errorf("%w there (look at project, name and version)", source.ErrAbsent)
	case 429:
		return errors.New("the service has too much to do (it is asked again later)")
	}
	return fmt.Errorf("the service answered with status %d (look at its status page)", status)
}

func or(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

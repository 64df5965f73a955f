package leak

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// GitHubKeys is where GitHub publishes its public keys.
const GitHubKeys = "https://api.github.com/meta/public_keys/secret_scanning"

// HTTPFetch asks url for the list of public keys with client. token, when not empty, is a
// token of GitHub without any rights: it lifts GitHub's limit for strangers.
func HTTPFetch(client *http.Client, url string, token func(context.Context) (secret.Value, error)) func(context.Context) ([]byte, error) {
	return func(ctx context.Context) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Accept", "application/vnd.github+json")
		if token != nil {
			v, err := token(ctx)
			if err != nil {
				return nil, err
			}
			r.Header.Set("Authorization", "Bearer "+string(v.Expose()))
		}
		res, err := client.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = res.Body.Close() }() // it was read
		if res.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered %d", url, res.StatusCode)
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxKeyList+1))
		if err == nil && len(body) > maxKeyList {
			err = fmt.Errorf("%s answered with more than %d bytes", url, maxKeyList)
		}
		return body, err
	}
}

// Serve takes one message and answers with what became of it.
func (g *GitHub) Serve(w http.ResponseWriter, r *http.Request) error {
	identifier, signature := r.Header.Values(IdentifierField), r.Header.Values(SignatureField)
	if len(identifier) != 1 || len(signature) != 1 {
		return refusal.New(refusal.TokenInvalid, "secret scanning: the message has %d of %s and %d of %s (one each)", len(identifier), IdentifierField, len(signature), SignatureField)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, MaxBody))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return refusal.New(refusal.BodyTooLarge, "secret scanning: the message is longer than %d bytes", MaxBody)
	}
	if err != nil {
		return refusal.New(refusal.InputInvalid, "secret scanning: the message could not be read to its end")
	}
	feedback, err := g.Receive(r.Context(), identifier[0], signature[0], body, time.Now())
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	return json.NewEncoder(w).Encode(feedback)
}

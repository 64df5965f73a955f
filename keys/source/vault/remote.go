package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// maxBody bounds an answer.
const maxBody = 1 << 20

// HTTP makes calls to the server at address, scheme://host[:port]. The client decides about
// TLS; redirects are not followed, whatever it says, because the token would go along.
func HTTP(client *http.Client, address, namespace string) Do {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, call Call) (Answer, error) {
		target := address + "/v1/" + call.Path
		if call.Query != "" {
			target += "?" + call.Query
		}
		req, err := http.NewRequestWithContext(ctx, call.Method, target, bytes.NewReader(call.Body))
		if err != nil {
			return Answer{}, errors.New("the address or the reference gives no URL")
		}
		req.Header.Set("X-Vault-Request", "true")
		if namespace != "" {
			req.Header.Set("X-Vault-Namespace", namespace)
		}
		if !call.Token.Empty() {
			req.Header.Set("X-Vault-Token", string(call.Token.Expose()))
		}
		res, err := own.Do(req)
		if err != nil {
			return Answer{}, unreachable(address, err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode >= 300 && res.StatusCode < 400 {
			return Answer{}, fmt.Errorf("%s redirects elsewhere, which is not followed (name the active server, or leave request forwarding on)", address)
		}
		body, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
		switch {
		case err != nil:
			return Answer{}, unreachable(address, err)
		case len(body) > maxBody:
			return Answer{}, fmt.Errorf("%s answers with more than %d bytes", address, maxBody)
		}
		return Answer{res.StatusCode, body}, nil
	}
}

// unreachable keeps the reason and drops the URL.
func unreachable(address string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s cannot be reached (look at the address, the network and secrets.vault.tls_ca): %w", address, err)
}

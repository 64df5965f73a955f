// Package ask makes the HTTP requests of the packages beside it that fetch secrets.
package ask

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

// Ask makes one request and returns status and answer. Its errors name the server, and
// neither a header nor what stands behind the host.
type Ask func(ctx context.Context, method, address string, header map[string]string, body []byte) (int, []byte, error)

// With asks through a client. Redirects are not followed, whatever it says: credentials would
// go along.
func With(client *http.Client) Ask {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, method, address string, header map[string]string, body []byte) (int, []byte, error) {
		req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
		if err != nil {
			return 0, nil, errors.New("the address or the reference gives no URL")
		}
		for name, value := range header {
			if name != "host" {
				req.Header.Set(name, value)
			}
		}
		res, err := own.Do(req)
		if err != nil {
			return 0, nil, unreachable(req.URL.Host, err)
		}
		defer func() { _ = res.Body.Close() }()
		if res.StatusCode >= 300 && res.StatusCode < 400 {
			return 0, nil, fmt.Errorf("%s redirects elsewhere, which is not followed", req.URL.Host)
		}
		answer, err := io.ReadAll(io.LimitReader(res.Body, maxBody+1))
		switch {
		case err != nil:
			return 0, nil, unreachable(req.URL.Host, err)
		case len(answer) > maxBody:
			return 0, nil, fmt.Errorf("%s answers with more than %d bytes", req.URL.Host, maxBody)
		}
		return res.StatusCode, answer, nil
	}
}

// unreachable keeps the reason and drops the URL.
func unreachable(host string, err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		err = e.Err
	}
	return fmt.Errorf("%s cannot be reached: %w", host, err)
}

package trail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// maxReadBack bounds what is read of an anchor endpoint: some thousand checkpoints.
const maxReadBack = 1 << 20

// Unreadable says that an endpoint does not say what it keeps.
type Unreadable struct {
	Reason string
	Later  bool // it may say it later: it was not reached, or failed
}

func (u *Unreadable) Error() string { return "anchor: " + u.Reason }

// Read asks the endpoint by GET what it keeps: checkpoints in the form of an anchor file,
// the newest one at least. Nothing, and a status of 204, say that it keeps none yet. The
// error is an *Unreadable where the endpoint only takes checkpoints, or does not answer. It
// does not name the URL. The question is not signed: it has no body, and checkpoints are no
// secret.
func (h Webhook) Read(ctx context.Context) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, h.URL, nil)
	if err != nil {
		return nil, errors.New("anchor: the URL of audit.anchor cannot be used")
	}
	req.Header.Set("Accept", "application/json, application/jsonl, text/plain;q=0.9")
	res, err := h.Client.Do(req)
	if err != nil {
		return nil, &Unreadable{fmt.Sprintf("the endpoint does not answer: %v", withoutURL(err)), true}
	}
	defer func() { _ = res.Body.Close() }()
	switch {
	case res.StatusCode == http.StatusNoContent:
		return nil, nil
	case res.StatusCode == http.StatusTooManyRequests || res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented:
		return nil, &Unreadable{fmt.Sprintf("the endpoint answered %d to GET", res.StatusCode), true}
	case res.StatusCode != http.StatusOK:
		return nil, &Unreadable{fmt.Sprintf("the endpoint answered %d to GET", res.StatusCode), false}
	}
	body, err := io.ReadAll(io.LimitReader(res.Body, maxReadBack+1))
	if err != nil {
		return nil, &Unreadable{fmt.Sprintf("the answer to GET broke off: %v", withoutURL(err)), true}
	}
	if len(body) > maxReadBack { // which end of it is the newest is not known
		return nil, &Unreadable{Reason: "the answer to GET is longer than 1 MiB (answer with the newest checkpoints only)"}
	}
	return body, nil
}

// withoutURL takes the URL, which may hold a credential, out of an error of a client.
func withoutURL(err error) error {
	if inner := errors.Unwrap(err); inner != nil { // *url.Error says the URL
		return inner
	}
	return err
}

package waf

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/corazawaf/coraza/v3/types"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/headers"
)

// Inspect refuses a request in which the rules see an attack (input_invalid), whose body
// is not what its type says (input_invalid) or is longer than the Engine looks at
// (body_too_large), or for whose body there was no place in the Lane (busy). Any other
// error means that the engine failed and nobody judged.
//
// target is the request-target and body the beginning of the body, at most Window bytes
// and one; both as the backend gets them. Inspect does not keep them. Credentials of ours
// in the header are not shown to the rules.
func (e *Engine) Inspect(r *exchange.Request, target string, body []byte) (err error) {
	if len(body) > e.body {
		return refusal.New(refusal.BodyTooLarge, "the web application firewall looks at %d bytes of a body and this one is longer (lower input.max_body, or take the firewall off a route that is for large bodies)", e.body)
	}
	leave, err := e.lane.enter(len(body))
	if err != nil {
		return err
	}
	defer leave()
	tx := e.rules.NewTransactionWithID(r.ID)
	defer func() {
		if cause := recover(); cause != nil {
			// tx is in an unknown state and is not given back to the engine.
			err = fmt.Errorf("the web application firewall failed: panic of type %T", cause)
			return
		}
		if closed := tx.Close(); closed != nil && err == nil {
			err = fmt.Errorf("the web application firewall failed to clean up: %w", closed)
		}
	}()
	stop, err := run(tx, r, target, body)
	if err != nil {
		return fmt.Errorf("the web application firewall failed: %w", err)
	}
	if stop == nil {
		return nil
	}
	return refused(tx.MatchedRules())
}

// run shows the request to the rules.
func run(tx types.Transaction, r *exchange.Request, target string, body []byte) (*types.Interruption, error) {
	tx.ProcessConnection(r.Peer.String(), 0, "", 0)
	tx.ProcessURI(target, r.Method, proto(r.Proto))
	tx.SetServerName(hostname(r.Host))
	fields(tx, r)
	if stop := tx.ProcessRequestHeaders(); stop != nil {
		return stop, nil
	}
	if len(body) > 0 {
		if stop, _, err := tx.WriteRequestBody(body); stop != nil || err != nil {
			return stop, err
		}
	}
	return tx.ProcessRequestBody()
}

// fields shows the header to the rules: what the backend will see of it.
func fields(tx types.Transaction, r *exchange.Request) {
	tx.AddRequestHeader("Host", r.Host)
	switch {
	case r.Length > 0 || r.Length == 0 && r.Method != "GET" && r.Method != "HEAD":
		tx.AddRequestHeader("Content-Length", strconv.FormatInt(r.Length, 10))
	case r.Length < 0 && r.Proto != exchange.HTTP2:
		tx.AddRequestHeader("Transfer-Encoding", "chunked")
	}
	for name, values := range r.Fields.All() {
		switch name {
		case "Host", "Content-Length", "Transfer-Encoding", "Authorization", "Proxy-Authorization", "X-Api-Key", "X-Sanmon-Csrf":
			continue
		case "Cookie":
			if line := headers.StripCookies(strings.Join(values, "; "), headers.Reserved); line != "" {
				tx.AddRequestHeader(name, line)
			}
			continue
		}
		if !headers.Forwardable(name) {
			continue
		}
		for _, v := range values {
			tx.AddRequestHeader(name, v)
		}
	}
}

func proto(p exchange.Proto) string {
	switch p {
	case exchange.HTTP10:
		return "HTTP/1.0"
	case exchange.HTTP2:
		return "HTTP/2.0"
	}
	return "HTTP/1.1"
}

func hostname(host string) string {
	u := url.URL{Host: host}
	return u.Hostname()
}

package wire

import (
	"encoding/json"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
)

// How long and how much a refused client may still send before it is cut, so that
// it can read the answer: closing at once would reset the connection and take the
// answer with it (RFC 9112, Section 9.6).
const (
	answerTimeout = 5 * time.Second
	lingerTime    = 500 * time.Millisecond
	lingerBytes   = 64 << 10
)

// problemType is what the type of a refusal begins with, as in the answers of the layers
// above: the page that explains the code, relative to the origin that was asked.
const problemType = "/.sanmon/problems#"

// Refusal is what the operator hears of a connection that was refused.
type Refusal struct {
	Peer      netip.AddrPort // of the connection
	RequestID string         // as in the answer; "" when a running handler answers
	Code      refusal.Code
	Reason    string // for the operator; quotes nothing the client sent
}

// tell reports a violation to the operator.
func (s *Server) tell(p *peer, id string, v *violation) {
	if s.config.Refused != nil {
		s.config.Refused(Refusal{Peer: p.addr, RequestID: id, Code: v.code, Reason: v.reason})
	}
}

// refuse answers, tells, and lets the client read before the connection closes.
// From the call on nothing that net/http writes goes out.
func (c *conn) refuse(v *violation) {
	if !c.state.CompareAndSwap(judging, refused) {
		return
	}
	id := c.server.config.RequestID()
	c.server.tell(c.peer, id, v)
	_ = c.Conn.SetDeadline(time.Now().Add(answerTimeout))
	if _, err := c.Conn.Write(answer(v.code, id)); err != nil {
		return
	}
	if err := c.CloseWrite(); err != nil {
		return
	}
	_ = c.Conn.SetReadDeadline(time.Now().Add(lingerTime))
	_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
}

// answer is a complete response (RFC 9457).
func answer(code refusal.Code, id string) []byte {
	no := &refusal.Refusal{Code: code}
	body, err := json.Marshal(struct {
		Type      string       `json:"type"`
		Title     string       `json:"title"`
		Status    int          `json:"status"`
		Code      refusal.Code `json:"code"`
		RequestID string       `json:"request_id"`
	}{problemType + string(code), no.Title(), no.Status(), code, id})
	if err != nil {
		body = nil // strings and an int always marshal
	}
	return fmt.Appendf(nil, "HTTP/1.1 %d Bad Request\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"+
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\nConnection: close\r\n\r\n%s",
		no.Status(), len(body), id, body)
}

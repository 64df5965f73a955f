package sanmon

import (
	"iter"
	"net/netip"

	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/content"
	"github.com/sanmon-gate/sanmon/web/csrf"
	"github.com/sanmon-gate/sanmon/web/detect"
	"github.com/sanmon-gate/sanmon/web/nature"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/target"
)

// Passage is one request on its way through the gate: what each step found out. A
// step reads what earlier steps wrote and writes its own part once.
type Passage struct {
	Request *exchange.Request

	// Unseen says that another proxy forwards the request and keeps its body: whoever calls
	// Judge sets it.
	Unseen bool

	Target target.Target // 1
	Host   string        // 1: canonical host[:port]
	Addr   netip.Addr    // 2: the client's address
	HTTPS  bool          // 2: the browser spoke HTTPS

	Origin   origin.Verdict // 3
	Upgrade  bool           // 3: asks for a WebSocket
	Reserved bool           // 4: below the reserved prefix; the portal answers
	Route    *Route         // 4: nil when Reserved or not found
	Writes   bool           // 4: changes state
	Landing  bool           // 4: only the route's declaration lets another site do this

	Caller  caller.Caller  // 5
	Cookie  string         // 5: the session cookie that was verified; a credential
	Renew   bool           // 5: the answer should carry another session secret
	lent    lent           // 5: what stands for the session cookies of the backend
	Proof   csrf.Proof     // 6: the token that was verified
	Cut     csrf.Field     // 6: bytes of the body that carry the token and are not forwarded
	Query   string         // 6: query to forward, without a token
	Verdict policy.Verdict // 7: what credential and principal said
	Limits  limit.Result   // 8: for RateLimit and Retry-After
	Held    limit.Held     // 8: places under concurrency limits; whoever judged releases them
	Parts   *nature.Parts  // 9: judges the rest of a multipart body; nil: there is none

	// Nonce is of this page: 10: handed to the backend; 11: the one that our own script in
	// the page carries. "" for none.
	Nonce string

	page page // 5, 10, 11: what becomes of an answer that is HTML

	Begun     []byte            // 10: the beginning of the body, as far as it was read; may be nil
	Suspects  *detect.Values    // 10: values that could come back as markup; nil: none
	Findings  []content.Finding // 11: what was found out about the body of the answer
	Reflected []detect.Finding  // 11: values of the request that came back in it

	Handover Handover // 11: what the browser is given of our cookies

	// Observed collects the refusals that were only reported: those that observe_all
	// covers, and what an observed Inspector found.
	Observed []*refusal.Refusal
}

// observe records what was found and not refused.
func (p *Passage) observe(err error) { p.Observed = append(p.Observed, refusal.From(err)) }

// ForwardTarget is the request-target for the backend: as it came, less a token in its
// query.
func (p *Passage) ForwardTarget() string {
	if p.Query == p.Target.Query {
		return p.Target.Raw
	}
	if p.Query == "" {
		return p.Target.Path
	}
	return p.Target.Path + "?" + p.Query
}

// Body is read access to the beginning of a request body. What is read stays in
// the body for the backend.
type Body interface {
	// Prefix returns the first n bytes of the body, or all of it when it is shorter;
	// complete says that nothing follows. The slice is valid until the body is read.
	Prefix(n int) (b []byte, complete bool, err error)
}

// RateFields ranges over the RateLimit fields of the answer, whether the request
// passed or not; there are none where no limit was asked.
func (p *Passage) RateFields() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		if len(p.Limits.States()) == 0 {
			return
		}
		var buf [128]byte
		if yield(limit.PolicyField, string(p.Limits.AppendPolicy(buf[:0]))) {
			yield(limit.StateField, string(p.Limits.AppendState(buf[:0])))
		}
	}
}

// Client is who sends the request, as sessions compare it. Another proxy may keep the
// User-Agent to itself; to send none is unlike a browser.
func (p *Passage) Client() session.Client {
	agent := exchange.First(p.Request.Fields, "User-Agent")
	if agent == "" && !p.Unseen {
		agent = session.NoAgent
	}
	return session.Client{Addr: p.Addr, Agent: agent}
}

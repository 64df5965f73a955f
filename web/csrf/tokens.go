package csrf

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// DefaultOnceTTL is how long a once token may be used when Tokens.OnceTTL is 0.
const DefaultOnceTTL = time.Hour

// maxAhead is how far in the future a once token may have been issued: the clocks of two
// nodes differ.
const maxAhead = time.Minute

// Tokens issues and verifies tokens. Its fields are set before the first use and not
// changed afterwards. It is safe for concurrent use and must not be copied.
type Tokens struct {
	Ring    *secret.Ring  // keys of secret.PurposeCSRF; the current one issues, all verify
	Origin  string        // public origin, as in "https://app.example.com"
	Spent   Spent         // used once tokens; without it no once token can be redeemed
	OnceTTL time.Duration // life of a once token; 0 means DefaultOnceTTL

	macs macs
}

// Proof is a token that verified. Only Verify makes one that Redeem accepts.
type Proof struct {
	kind  Kind
	nonce [nonceSize]byte
	at    time.Time // when it was verified
	until time.Time // when the token ends
}

// Kind is the kind of the token that verified; 0 for the zero Proof.
func (p Proof) Kind() Kind { return p.kind }

// Issue returns a new token. Two calls never give the same text: the MAC is masked with
// fresh random bytes, so that a compressed page does not reveal it byte by byte (BREACH,
// Gluck, Harris, Prado 2013, Section 3.4). scope is "" for Session and Scope(method, path)
// otherwise. A token for an empty binding verifies nowhere.
func (t *Tokens) Issue(kind Kind, binding []byte, scope string, now time.Time) string {
	key := t.Ring.Current()
	pool := t.macs.of(t.Ring, key)
	s := pool.get()
	defer pool.put(s)
	_, _ = rand.Read(s.random[:]) // never fails: crypto/rand ends the program instead
	w := wire{kind: kind, version: key.Version}
	copy(w.mask[:], s.random[:macSize])
	if kind == Once {
		copy(w.nonce[:], s.random[macSize:])
		w.setTime(now)
	}
	subtle.XORBytes(w.masked[:], w.mask[:], s.mac(t.Origin, binding, scope, &w))
	var text [MaxLength]byte
	return string(w.append(text[:0]))
}

// Verify checks that token is of the kind and scope, for one of the bindings, and not too
// old. It does no I/O and compares in constant time. Empty bindings are skipped. The
// refusals are csrf_missing for an empty token and csrf_invalid. A once token is used up
// by Redeem only, as late as possible, so that a refusal in between does not cost it.
func (t *Tokens) Verify(token string, kind Kind, bindings [][]byte, scope string, now time.Time) (Proof, error) {
	if token == "" {
		return Proof{}, missing(kind, scope)
	}
	w, ok := parse(token)
	if !ok {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "the CSRF token is malformed (send it as it was issued)")
	}
	if w.kind != kind {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "a %s CSRF token came where the route takes %s (use the token of GET /.sanmon/session?route=…)", w.kind, kind)
	}
	key, ok := t.Ring.Version(w.version)
	if !ok {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "the CSRF token was made with key %d, which is not in the ring (reload the page)", w.version)
	}
	if !t.match(key, &w, bindings, scope) {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "the CSRF token was made for another session, origin, method or path than %q (reload the page)", scope)
	}
	return t.fresh(&w, now)
}

func missing(kind Kind, scope string) *refusal.Refusal {
	if scope == "" {
		return refusal.New(refusal.CSRFMissing, "no CSRF token (send the field _sanmon or the header X-Sanmon-Csrf)")
	}
	return refusal.New(refusal.CSRFMissing, "no CSRF token of kind %s for %q (send the field _sanmon or the header X-Sanmon-Csrf)", kind, scope)
}

// match tries every binding, whether or not one has matched already.
func (t *Tokens) match(key secret.Key, w *wire, bindings [][]byte, scope string) bool {
	pool := t.macs.of(t.Ring, key)
	s := pool.get()
	defer pool.put(s)
	var sent [macSize]byte
	subtle.XORBytes(sent[:], w.mask[:], w.masked[:])
	matched := 0
	for _, b := range bindings {
		if len(b) > 0 {
			matched |= subtle.ConstantTimeCompare(sent[:], s.mac(t.Origin, b, scope, w))
		}
	}
	return matched == 1
}

// fresh judges the age of an authentic token.
func (t *Tokens) fresh(w *wire, now time.Time) (Proof, error) {
	p := Proof{kind: w.kind, at: now}
	if w.kind != Once {
		return p, nil
	}
	issued := w.time()
	p.nonce, p.until = w.nonce, issued.Add(t.onceTTL())
	if !now.Before(p.until) {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "the once token is %s old, at most %s is taken (reload the page)", now.Sub(issued).Round(time.Second), t.onceTTL())
	}
	if issued.After(now.Add(maxAhead)) {
		return Proof{}, refusal.New(refusal.CSRFInvalid, "the once token was issued %s in the future (set the clocks of the nodes)", issued.Sub(now).Round(time.Second))
	}
	return p, nil
}

func (t *Tokens) onceTTL() time.Duration {
	if t.OnceTTL > 0 {
		return t.OnceTTL
	}
	return DefaultOnceTTL
}

// Redeem uses a once token up; for the other kinds it does nothing. The second use is
// csrf_spent; a store that does not answer is busy. A token that could not be redeemed
// must not pass.
func (t *Tokens) Redeem(ctx context.Context, p Proof) error {
	switch p.kind {
	case Session, Page:
		return nil
	case Once:
		return t.spend(ctx, p)
	}
	return refusal.New(refusal.CSRFInvalid, "redeem a proof that Verify did not make (call Verify first)")
}

func (t *Tokens) spend(ctx context.Context, p Proof) error {
	if t.Spent == nil {
		return errors.New("redeem once token: no place to remember it (set Tokens.Spent)")
	}
	first, err := t.Spent.Spend(ctx, p.nonce, p.at, p.until)
	if err != nil {
		r := refusal.New(refusal.Busy, "remember a used once token (look at the store)")
		r.Err = err
		return r
	}
	if !first {
		return refusal.New(refusal.CSRFSpent, "the once token was used before (load the form again)")
	}
	return nil
}

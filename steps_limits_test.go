package sanmon_test

import (
	"context"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/limit"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// elsewhere is a Shared that says what it is told to, and notes what it was asked.
type elsewhere struct {
	wait   map[string]time.Duration // by name of the policy
	silent bool
	asked  [][]string
}

func (e *elsewhere) Ask(_ context.Context, _ limit.Op, demands []limit.Demand, into *[limit.MaxDemands]limit.Answer) bool {
	var names []string
	for i, d := range demands {
		names = append(names, d.Policy.Name()+" "+d.Who.Name+" "+d.Who.Scope)
		into[i] = limit.Answer{Wait: e.wait[d.Policy.Name()], Remaining: 7}
	}
	e.asked = append(e.asked, names)
	return !e.silent
}

func routeOf(g *sanmon.Gate, id string) *sanmon.Route {
	for _, r := range g.Routes {
		if r.ID == id {
			return r
		}
	}
	return nil
}

// All limits of a request are asked for at once, after everything else; what is refused
// here or for another reason is not asked.
func TestSharedIsAskedOnce(t *testing.T) {
	g, e := newGate(t), &elsewhere{}
	net, err := limit.NewPolicy("network", limit.Rate{Count: 100, Per: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	subject, err := limit.NewQuota("subject-day", limit.Quota{Count: 100, Window: limit.Day})
	if err != nil {
		t.Fatal(err)
	}
	g.Shared, g.PerNet = e, net
	g.Everywhere = []sanmon.Limit{{Policy: subject, Per: sanmon.PerSubject, Scope: "*subject"}}
	p, err := ask(g, "GET", "/limited", "", cookie, same)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.asked) != 1 || len(e.asked[0]) != 3 || e.asked[0][0] != "route usr_1 limited" || e.asked[0][1] != "subject-day usr_1 *subject" || e.asked[0][2] != "network  network" {
		t.Errorf("asked %q", e.asked)
	}
	if s := p.Limits.States(); len(s) != 2 || s[0].Remaining != 7 {
		t.Errorf("%+v, want the two limits of the route and the caller as they stand for all nodes", s)
	}
	for _, fields := range [][]string{{cookie, same}, {same}} { // used up here; no credential
		if _, err := ask(g, "GET", "/limited", "", fields...); err == nil {
			t.Error("let through")
		}
	}
	if len(e.asked) != 1 {
		t.Errorf("asked again for requests that are refused anyway: %q", e.asked)
	}
}

func TestSharedRefuses(t *testing.T) {
	g, e := newGate(t), &elsewhere{wait: map[string]time.Duration{"route": time.Minute}}
	g.Shared = e
	p, err := ask(g, "GET", "/limited", "", cookie, same)
	if no := refusal.From(err); no == nil || no.Code != refusal.RateLimited || no.RetryAfter != time.Minute {
		t.Fatalf("%v, want rate_limited for a minute", err)
	}
	if p.Limits.Refused.Name() != "route" {
		t.Errorf("refused by %s", p.Limits.Refused.Name())
	}
	e.wait = nil // what was refused elsewhere was not used up here
	if _, err := ask(g, "GET", "/limited", "", cookie, same); err != nil {
		t.Error(err)
	}
	// One that does not answer makes nothing laxer than this node is, nor stricter.
	e.silent = true
	if _, err := ask(g, "GET", "/limited", "", cookie, same); refusal.From(err) == nil {
		t.Error("a silent one opens the limit of this node")
	}
	g = newGate(t)
	g.Shared = &elsewhere{silent: true, wait: map[string]time.Duration{"route": time.Minute}}
	if _, err := ask(g, "GET", "/limited", "", cookie, same); err != nil {
		t.Errorf("a silent one refuses: %v", err)
	}
}

func TestFailuresAreShared(t *testing.T) {
	g, e := newGate(t), &elsewhere{}
	failures, err := limit.NewPolicy("failures", limit.Rate{Count: 2, Per: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	g.Shared, g.Failures = e, failures
	bad := "Authorization: Bearer smk_live_wrong"
	for i, want := range []refusal.Code{refusal.KeyInvalid, refusal.KeyInvalid, refusal.RateLimited} {
		e.silent = i == 1
		if _, err := ask(g, "GET", "/notes/1", "", bad); refusal.From(err).Code != want {
			t.Errorf("failure %d: %v, want %s", i+1, err, want)
		}
	}
	if len(e.asked) != 2 {
		t.Errorf("asked %d times, want 2: the third is refused here", len(e.asked))
	}
	g.Limits, e.silent, e.wait = limit.NewTable(0), false, map[string]time.Duration{"failures": time.Minute}
	if _, err := ask(g, "GET", "/notes/1", "", bad); refusal.From(err).Code != refusal.RateLimited {
		t.Errorf("failures on other nodes: %v, want rate_limited", err)
	}
	if _, err := ask(g, "GET", "/notes/1", "", bad); refusal.From(err).Code != refusal.RateLimited {
		t.Errorf("%v, want rate_limited", err)
	}
	e.silent = true // gone: what failed meanwhile counts here too
	if _, err := ask(g, "GET", "/notes/1", "", bad); refusal.From(err).Code != refusal.RateLimited {
		t.Errorf("without the server: %v, want rate_limited", err)
	}
}

// Places are taken with the verdict and given back by whoever asked for it, also when a
// later step refuses.
func TestPlaces(t *testing.T) {
	g := newGate(t)
	places, err := limit.NewConcurrency("route-concurrency", 1)
	if err != nil {
		t.Fatal(err)
	}
	write := routeOf(g, "write")
	write.Seats = []sanmon.Limit{{Policy: places, Per: sanmon.PerSubject, Scope: "write"}}
	token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, binding, "", now)
	first, err := ask(g, "POST", "/notes", "{}", cookie, same, ours, token, isJSON)
	if err != nil {
		t.Fatal(err)
	}
	second, err := ask(g, "POST", "/notes", "{}", cookie, same, ours, token, isJSON)
	if no := refusal.From(err); no == nil || no.Code != refusal.RateLimited {
		t.Errorf("%v, want rate_limited", err)
	}
	second.Held.Release()
	first.Held.Release()
	long, err := ask(g, "POST", "/notes", string(make([]byte, 200)), cookie, same, ours, token, isJSON)
	if no := refusal.From(err); no == nil || no.Code != refusal.BodyTooLarge {
		t.Errorf("%v, want body_too_large", err)
	}
	long.Held.Release()
	if n := g.Limits.UnderWay(); n != 0 {
		t.Errorf("%d places are held", n)
	}
}

// A body that nobody here sees cannot be judged, and a form's token is not in it.
func TestUnseenBodies(t *testing.T) {
	g := newGate(t)
	declare(t, g, false)
	token := "X-Sanmon-Csrf: " + g.Tokens.Issue(csrf.Session, binding, "", now)
	judge := func(method, target string, length int64, fields ...string) refusal.Code {
		p := &sanmon.Passage{Unseen: true}
		full, _ := ask(newGate(t), method, target, "", fields...)
		r := *full.Request
		r.Length = length
		if no := refusal.From(g.Judge(t.Context(), &r, nil, p)); no != nil {
			return no.Code
		}
		return ""
	}
	for _, tt := range []struct {
		name   string
		length int64
		fields []string
		want   refusal.Code
	}{
		{"a body", -1, []string{cookie, same, ours, token, isForm}, refusal.InputInvalid},
		{"no body", 0, []string{cookie, same, ours, token}, ""},
		{"no token", 0, []string{cookie, same, ours}, refusal.CSRFMissing},
	} {
		if got := judge("POST", "/notes", tt.length, tt.fields...); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if got := judge("POST", "/exempt", -1, cookie, same, ours); got != "" {
		t.Errorf("a route that judges no bodies: %q", got)
	}
	out := exchange.Header{}
	p, err := ask(g, "GET", "/limited", "", cookie, same)
	if err == nil {
		err = g.Vouch(p, out)
	}
	if err != nil || exchange.First(out, "Sanmon-Assertion") == "" || exchange.First(out, "X-Request-Id") != "req" || exchange.First(out, "RateLimit") == "" {
		t.Errorf("%v %v", out, err)
	}
}

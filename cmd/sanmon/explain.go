package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/exchange"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/origin"
	"github.com/sanmon-gate/sanmon/web/target"
	"github.com/spf13/cobra"
)

// explanation is what the gate would do with a request, and why.
type explanation struct {
	Route   string   `json:"route"`
	Verdict string   `json:"verdict"` // "allowed" or "refused"
	Code    string   `json:"code"`
	Layer   string   `json:"layer"`
	Reasons []string `json:"reasons"`
}

func explainCommand(env *environment) *cobra.Command {
	var as string
	var roles []string
	c := &cobra.Command{
		Use:   "explain METHOD PATH | explain REQUEST-ID",
		Short: "Say what the gate would do with a request, step by step, or what it did",
		Long:  "With METHOD and PATH: judge such a request of the public host, sent by a page of ours,\nby nobody or, with --as and --role, by somebody who holds these roles now.\nWith the id of a refused request: what the audit trail knows of it.",
		Args:  between(1, 2),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 1 {
				if args[0] == "" { // no event has an empty id of its own, and many have none
					return usageError{errors.New("the request id is empty (copy it from the refusal)")}
				}
				if isMethod(args[0]) {
					return usageError{fmt.Errorf("the path is missing (as in: sanmon explain %s /)", strings.ToUpper(args[0]))}
				}
				return env.explainID(c.Context(), args[0])
			}
			return env.explainRequest(args[0], args[1], as, roles)
		},
	}
	c.Flags().StringVar(&as, "as", "nobody", "credential of the caller: nobody, session, app (signed in at the backend) or key")
	c.Flags().StringArrayVar(&roles, "role", nil, "role that the caller holds; may be repeated")
	return env.withJSON(c)
}

// isMethod reports whether word can only be a method: request ids are longer.
func isMethod(word string) bool {
	return slices.Contains([]string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}, strings.ToUpper(word))
}

func (e *environment) explainRequest(method, path, as string, roles []string) error {
	c, g, err := e.compiled()
	if err != nil {
		return err
	}
	if err := knownRoles(c, roles); err != nil {
		return err
	}
	who, err := supposed(as, roles)
	if err != nil {
		return err
	}
	return e.printExplanation(explain(g, strings.ToUpper(method), path, who))
}

// supposed is the caller to judge.
func supposed(as string, roles []string) (caller.Caller, error) {
	rights := &caller.Rights{Roles: roles}
	switch as {
	case "nobody":
		return caller.Caller{}, nil
	case "session":
		return caller.Caller{Kind: caller.Session, Subject: "supposed", Credential: &caller.Rights{Whole: true}, Principal: rights, AuthTime: time.Now()}, nil
	case "app":
		return caller.Caller{Kind: caller.App, Subject: "supposed", Credential: &caller.Rights{}, Principal: &caller.Rights{}, AuthTime: time.Now()}, nil
	case "key":
		return caller.Caller{Kind: caller.Key, Subject: "supposed", Credential: rights, Principal: rights}, nil
	}
	return caller.Caller{}, usageError{fmt.Errorf("--as %q is none of nobody, session, app, key", as)}
}

// explain walks the steps that need no live state.
func explain(g *sanmon.Gate, method, path string, who caller.Caller) explanation {
	x := explanation{Reasons: []string{}}
	t, err := target.Parse(method, path)
	if err != nil {
		return x.refused(err)
	}
	x.say("1 target: %q has one meaning", t.Path)
	i, r, err := g.Table.Match(g.Host, method, t.Decoded)
	if err != nil {
		return x.refused(err)
	}
	route := g.Routes[i]
	x.Route = r.ID
	if err := t.Admit(route.Paths); err != nil {
		return x.refused(err)
	}
	writes := r.Writes(method)
	x.say("4 route: %s takes %s of %s; effect: %s", r.ID, method, r.Boundary, map[bool]string{true: "write", false: "read"}[writes])
	v, err := g.Origin.Read(&exchange.Request{Method: method, Fields: exchange.Header{"Origin": {g.Origin.Public[0]}}, Peer: netip.IPv6Loopback()})
	if err == nil {
		err = v.Admit(writes, origin.Ambient(exchange.Header{}))
	}
	if err != nil {
		return x.refused(err)
	}
	x.say("5 caller: %s", who.Kind)
	entrance := route.App != nil && r.Boundary.Takes(caller.App) && route.App.SignsIn(t.Decoded) && who.Kind != caller.Key
	if (who.Kind == caller.Session || who.Kind == caller.App || entrance) && writes {
		x.sayToken(route)
	}
	if entrance {
		x.say("7 policy: a login path of upstream %s, open to everybody", route.Upstream)
		x.sayRest(route)
		x.Verdict = "allowed"
		return x
	}
	both, err := g.Table.Authorise(r, &who, time.Now())
	x.say("7 policy: requires [%s]; the credential grants it: %v; the principal may: %v", strings.Join(r.Require, " "), both.Credential, both.Principal)
	if err != nil {
		return x.refused(err)
	}
	x.sayRest(route)
	x.Verdict = "allowed"
	return x
}

func (x *explanation) sayToken(r *sanmon.Route) {
	if r.CSRFExempt {
		x.say("6 CSRF: exempt by the configuration; the request must come from our own origin")
		return
	}
	x.say("6 CSRF: needs a token of kind %s, as header X-Sanmon-Csrf or field _sanmon", r.CSRF)
}

func (x *explanation) sayRest(r *sanmon.Route) {
	for _, l := range slices.Concat(r.Limits, r.Seats) {
		x.say("8 limits: %s, if not used up", l.Policy)
	}
	if len(r.Networks.Allow) > 0 {
		x.say("2 network: only from %v", r.Networks.Allow)
	}
	if len(r.Types) > 0 {
		x.say("9 input: a body must be %s", strings.Join(r.Types, " or "))
	}
	if in := r.Input; in != nil {
		x.say("9 input: parameters and body are %s by the OpenAPI document of upstream %q", map[bool]string{true: "observed", false: "judged"}[in.Observe], r.Upstream)
	}
	if r.MaxBody >= 0 {
		x.say("9 input: a body may have %d bytes", r.MaxBody)
	}
	x.say("10 forward: to upstream %s", r.Upstream)
}

func (x *explanation) say(format string, args ...any) {
	x.Reasons = append(x.Reasons, string(redact.Line(fmt.Appendf(nil, format, args...)))) // an address may hold anything
}

func (x *explanation) refused(err error) explanation {
	no := refusal.From(err)
	x.Verdict, x.Code, x.Layer = "refused", string(no.Code), string(no.Layer())
	x.say("refused: %s", no.Reason)
	return *x
}

// maxExplained bounds what is said of one request id: a proxy that is trusted may give all
// requests the same one.
const maxExplained = 1000

// explainID looks a request id up in the audit trail.
func (e *environment) explainID(ctx context.Context, id string) error {
	return e.with(ctx, func(ctx context.Context, o *opened) error {
		events, err := o.store.RequestEvents(ctx, id, maxExplained+1)
		if err != nil {
			return err
		}
		x := explanation{Verdict: "refused", Reasons: []string{}}
		for _, ev := range events[:min(len(events), maxExplained)] {
			if ev.RequestID == id || slices.Contains(ev.Also(), id) { // what the trail says counts, not its index
				x.tell(&ev)
			}
		}
		if len(x.Reasons) == 0 {
			return hinted{fmt.Errorf("the audit trail has no request %q", id), "of many refusals of a kind, route and network the first ones are named in it; look in the log for the others"}
		}
		if len(events) > maxExplained {
			x.say("and more: many requests had this id (let the proxy in front make one for each)")
		}
		if x.Code == "" {
			x.Verdict = "allowed"
		}
		return e.printExplanation(x)
	})
}

// tell adds what one event says.
func (x *explanation) tell(ev *audit.Event) {
	x.Route = or(ev.Route, x.Route)
	x.say("%s %s %s %s", stamp(ev.At), ev.Event, ev.Subject, ev.Detail)
	if ev.Event == audit.LoginFailed {
		x.Code, x.Layer = string(refusal.LoginFailed), string((&refusal.Refusal{Code: refusal.LoginFailed}).Layer())
	}
	for word := range strings.FieldsSeq(ev.Detail) {
		if code, ok := strings.CutPrefix(word, "code="); ok {
			x.Code, x.Layer = code, string((&refusal.Refusal{Code: refusal.Code(code)}).Layer())
		}
	}
}

func (e *environment) printExplanation(x explanation) error {
	if e.json {
		return e.printJSON(x)
	}
	head := x.Verdict
	if x.Code != "" {
		head += " " + x.Code + " (" + x.Layer + ")"
	}
	if x.Route != "" {
		head += ", route " + x.Route
	}
	_, _ = fmt.Fprintln(e.screen(), head)
	for _, r := range x.Reasons {
		_, _ = fmt.Fprintln(e.screen(), "  "+r)
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/server"
	"github.com/sanmon-gate/sanmon/policy"
	"github.com/spf13/cobra"
)

// posture is what check says of a valid configuration.
type posture struct {
	OK            bool     `json:"ok"`
	Routes        int      `json:"routes"`
	Public        []string `json:"public"`         // routes that anybody may use
	PublicWriting []string `json:"public_writing"` // those of them that change state
	Exempt        []string `json:"csrf_exempt"`
	CrossSite     []string `json:"cross_site"`     // routes where other sites may change something
	HTMLFields    []string `json:"html_fields"`    // fields that may carry markup, as "ROUTE: body html(ugc)"
	Limiter       string   `json:"limiter"`        // where limits are counted
	Alerts        string   `json:"alerts"`         // host that they are posted to, or "off"
	HSTS          string   `json:"hsts,omitempty"` // what answers say now, and what follows
	Observing     string   `json:"observing_until,omitempty"`
	Warnings      []string `json:"warnings"`
}

// fault is one error of a configuration for a program to read.
type fault struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Remedy  string `json:"remedy"`
}

func (e *environment) printFaults(faults config.Errors) error {
	all := make([]fault, len(faults))
	for i, f := range faults {
		all[i] = fault(f)
	}
	return e.printJSON(struct {
		OK     bool    `json:"ok"`
		Errors []fault `json:"errors"`
	}{false, all})
}

func checkCommand(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "check", Short: "Validate the configuration and report the security posture", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, gate, err := env.compiled()
			if faults, ok := errors.AsType[config.Errors](err); ok && env.json {
				return errors.Join(err, env.printFaults(faults))
			}
			if err != nil {
				return err
			}
			err = checkSecrets(c.Context(), conf)
			if faults, ok := errors.AsType[config.Errors](err); ok && env.json {
				return errors.Join(err, env.printFaults(faults))
			}
			if err != nil {
				return err
			}
			p := postureOf(conf, gate, time.Now())
			where, warning, err := limiterState(c.Context(), conf)
			if err != nil {
				return err
			}
			if p.Limiter = where; warning != "" {
				p.Warnings = append(p.Warnings, warning)
			}
			return env.printPosture(p)
		},
	})
}

// compiled reads the configuration and compiles it, without store or network.
func (e *environment) compiled() (*config.Config, *sanmon.Gate, error) {
	c, err := config.Load(e.config)
	if err != nil {
		return nil, nil, e.configError(err)
	}
	s, err := server.Compile(c, server.Layers{Firewall: firewall()}, cookiesOf(c), 1)
	if err != nil {
		return nil, nil, err
	}
	return c, s.Gate, nil
}

// checkSecrets resolves every reference, and reads the certificate, the blocklist and the OpenAPI
// documents that are files, so that a missing one is found before the start.
func checkSecrets(ctx context.Context, c *config.Config) error {
	if _, err := openMaster(ctx, c); err != nil {
		return hinted{err, masterHint(c)}
	}
	if _, err := checkAlerts(ctx, c); err != nil {
		return err
	}
	if _, err := clientsOf(c, once(c)); err != nil {
		return err
	}
	if _, err := tlsOf(c); err != nil { // reads the pair of files
		return err
	}
	if err := checkFilter(c); err != nil {
		return err
	}
	if err := checkDocuments(ctx, c); err != nil {
		return err
	}
	refs := heldRefs(c)
	refs["store password"], refs["metrics.token"], refs["limiter.password"] = c.Store.Password, c.Metrics.Token, c.Limiter.Password
	var faults config.Errors // of all of them, in the order of the file
	for name, ref := range refs {
		if ref == "" {
			continue
		}
		if _, err := resolver(c).Resolve(ctx, ref); err != nil {
			err = c.Fault(ref, fmt.Errorf("%s: %w", name, err))
			placed, ok := errors.AsType[config.Errors](err)
			if !ok {
				return err
			}
			faults = append(faults, placed...)
		}
	}
	return faults.Sorted()
}

func postureOf(c *config.Config, g *sanmon.Gate, now time.Time) posture {
	p := posture{OK: true, Routes: len(g.Routes), Public: []string{}, PublicWriting: []string{}, Exempt: []string{}, CrossSite: []string{}, Warnings: []string{}, Alerts: alertState(c), HTMLFields: server.HTMLFields(g), HSTS: hstsPosture(c, now)}
	for _, r := range g.Routes {
		name := fmt.Sprintf("%s (%s %s)", r.ID, strings.Join(r.AllMethods(), ","), r.Path)
		if r.Boundary.Public() {
			p.Public = append(p.Public, name)
			if writes(r.Route) {
				p.PublicWriting = append(p.PublicWriting, name)
			}
		}
		if r.CSRFExempt {
			p.Exempt = append(p.Exempt, name)
		}
		if r.CrossSite {
			p.CrossSite = append(p.CrossSite, name)
		}
	}
	for _, w := range c.Warnings {
		p.Warnings = append(p.Warnings, w.Error())
	}
	if !c.ObserveAll.IsZero() {
		p.Observing = stamp(c.ObserveAll)
	}
	return p
}

// writes reports whether any method of a route changes state.
func writes(r *policy.Route) bool {
	for _, m := range r.AllMethods() {
		if r.Writes(m) {
			return true
		}
	}
	return false
}

func (e *environment) printPosture(p posture) error {
	if e.json {
		return e.printJSON(p)
	}
	for _, w := range p.Warnings {
		_, _ = fmt.Fprintln(e.stderr, "warning: "+w)
	}
	e.printNames("public and writing (anybody may change something here):", p.PublicWriting)
	e.printNames("public:", p.Public)
	e.printNames("without CSRF token, by exemption:", p.Exempt)
	e.printNames("open to other sites, as declared:", p.CrossSite)
	e.printNames("fields that may carry markup:", p.HTMLFields)
	if p.Limiter != "local" {
		_, _ = fmt.Fprintf(e.screen(), "limits are counted for all nodes at %s\n", p.Limiter)
	}
	if p.Alerts != "off" {
		_, _ = fmt.Fprintf(e.screen(), "alerts are posted to %s, signed (try it: sanmon alerts test)\n", p.Alerts)
	} else {
		_, _ = fmt.Fprintln(e.screen(), "alerts are off: nobody is told of theft, guessing or leaked keys")
	}
	if p.HSTS != "" {
		_, _ = fmt.Fprintln(e.screen(), "browsers keep to https: "+p.HSTS)
	}
	if p.Observing != "" {
		_, _ = fmt.Fprintf(e.screen(), "checks only report until %s\n", p.Observing)
	}
	_, err := fmt.Fprintf(e.screen(), "ok: %d routes, %d of them public\n", p.Routes, len(p.Public))
	return err
}

func (e *environment) printNames(heading string, names []string) {
	if len(names) == 0 {
		return
	}
	_, _ = fmt.Fprintln(e.screen(), heading)
	for _, n := range names {
		_, _ = fmt.Fprintln(e.screen(), "  "+n)
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"

	"github.com/sanmon-gate/sanmon/internal/rollout"
	"github.com/sanmon-gate/sanmon/web/csp"
)

func cspCommand(env *environment) *cobra.Command {
	return group("csp", "Bring pages under the strict content security policy", cspStatus(env), cspReports(env), cspPropose(env), cspApprove(env))
}

// pages reads what was seen and what was approved.
func (o *opened) pages(ctx context.Context) (rollout.Seen, *rollout.Approvals, error) {
	approved, err := rollout.LoadApprovals(o.config.CSP.Approved)
	if err != nil {
		return rollout.Seen{}, nil, err
	}
	seen, err := o.store.Seen(ctx)
	return seen, approved, err
}

// statusView is one route in JSON.
type statusView struct {
	Route      string   `json:"route"`
	Mode       string   `json:"mode"`
	Views      int64    `json:"views"`
	Since      *string  `json:"since"`
	Violations int      `json:"violations"`
	Sinks      int64    `json:"sinks"`
	Ready      bool     `json:"ready"`
	Why        []string `json:"why"`
}

func cspStatus(env *environment) *cobra.Command {
	var views int64
	var days int
	c := &cobra.Command{
		Use: "status", Short: "Say of each route whether its pages are ready for the strict policy, and why not", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if views < 0 || days < 0 {
				return usageError{errors.New("--views and --days are not negative")}
			}
			rule := rollout.Rule{Views: views, Quiet: time.Duration(days) * 24 * time.Hour}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error { return env.cspStatus(ctx, o, rule) })
		},
	}
	c.Flags().Int64Var(&views, "views", 1000, "pages that must have been shown under observation")
	c.Flags().IntVar(&days, "days", 7, "days under observation without an unexplained violation")
	return env.withJSON(c)
}

func (e *environment) cspStatus(ctx context.Context, o *opened, rule rollout.Rule) error {
	seen, approved, err := o.pages(ctx)
	if err != nil {
		return err
	}
	all, rows := []statusView{}, [][]string{}
	for _, r := range o.config.Routes {
		v := rule.Judge(r.ID, r.CSP, seen, approved, time.Now())
		all = append(all, statusView{v.Route, v.Mode, v.Views, stampOrNil(v.Since), len(v.Violations), v.Sinks, v.Ready, list(v.Why)})
		verdict := "ready: set output.csp: strict"
		switch {
		case len(v.Why) > 0:
			verdict = "not ready: " + strings.Join(v.Why, "; ")
		case v.Mode == "strict":
			verdict = "enforced"
		}
		if v.Mode == "floor" {
			verdict = v.Why[0]
		}
		rows = append(rows, []string{v.Route, v.Mode, strconv.FormatInt(v.Views, 10), stamp(v.Since), strconv.Itoa(len(v.Violations)), strconv.FormatInt(v.Sinks, 10), verdict})
	}
	if e.json {
		return e.printJSON(all)
	}
	return e.printTable("ROUTE MODE VIEWS SINCE VIOLATIONS SINKS VERDICT", rows)
}

// reportView is one group of reports in JSON.
type reportView struct {
	Route       string  `json:"route"`
	Directive   string  `json:"directive"`
	Blocked     string  `json:"blocked"`
	Disposition string  `json:"disposition"`
	Count       int64   `json:"count"`
	First       *string `json:"first_seen"`
	Last        *string `json:"last_seen"`
	Sample      string  `json:"sample"`
	Source      string  `json:"source"`
	Explained   bool    `json:"explained"`
}

func cspReports(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "reports", Short: "List what browsers reported, grouped", Args: exactly(0),
		Long: "Lists what browsers reported, grouped. Anybody can send reports, and what stands in them is\nthe sender's: read them as claims.",
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				seen, approved, err := o.pages(ctx)
				if err != nil {
					return err
				}
				return env.printReports(seen.Reports, approved)
			})
		},
	})
}

func (e *environment) printReports(reports []rollout.Reports, approved *rollout.Approvals) error {
	all, rows := []reportView{}, [][]string{}
	for _, r := range reports {
		v := reportView{r.Route, r.Directive, r.Blocked, r.Disposition, r.Count, stampOrNil(r.First), stampOrNil(r.Last), r.Sample, r.Source, approved.Explains(r.Group)}
		all = append(all, v)
		rows = append(rows, []string{r.Route, r.Directive, r.Blocked, r.Disposition, strconv.FormatInt(r.Count, 10), stamp(r.Last), r.Source, r.Sample})
	}
	if e.json {
		return e.printJSON(all)
	}
	return e.printTable("ROUTE DIRECTIVE BLOCKED DISPOSITION COUNT LAST-SEEN SOURCE SAMPLE", rows)
}

func cspPropose(env *environment) *cobra.Command {
	var visitors, hours int
	c := &cobra.Command{
		Use: "propose", Short: "Print the inline scripts that never change, for review", Args: exactly(0),
		Long: "Prints, as a file for csp.approved, the inline scripts that were the same for several visitors\nover some time and held no value of a request. Read each one in the page before you approve\nit: a stored script of an attacker looks the same. Nothing is in force by itself.",
		RunE: func(c *cobra.Command, _ []string) error {
			if visitors < 1 || visitors > rollout.MaxVisitors || hours < 0 {
				return usageError{fmt.Errorf("--visitors is 1 to %d, and --hours not negative", rollout.MaxVisitors)}
			}
			evidence := rollout.Evidence{Visitors: visitors, Age: time.Duration(hours) * time.Hour}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error { return env.propose(ctx, o, evidence) })
		},
	}
	c.Flags().IntVar(&visitors, "visitors", 3, "sessions (on public routes: networks) that got the same script")
	c.Flags().IntVar(&hours, "hours", 24, "hours between the first and the last time")
	return c
}

func (e *environment) propose(ctx context.Context, o *opened, evidence rollout.Evidence) error {
	seen, approved, err := o.pages(ctx)
	if err != nil {
		return err
	}
	found := rollout.Approvals{Version: 1, Scripts: evidence.Propose(seen, approved)}
	text, err := yaml.Marshal(&found)
	if err != nil {
		return fmt.Errorf("print the proposal: %w", err)
	}
	_, _ = fmt.Fprintf(e.stderr, "%d scripts to review; approve them with: sanmon csp approve HASH…   or save this and: sanmon csp approve --file FILE\n", len(found.Scripts))
	for _, r := range o.config.Routes {
		if n := rollout.Changing(seen)[r.ID]; n > 0 {
			_, _ = fmt.Fprintf(e.stderr, "route %q: %d inline scripts were seen once only or hold values of their request; no hash can name those (move the values to <script type=\"application/json\">, and the code to a file)\n", r.ID, n)
		}
	}
	if !o.config.CSP.Learn {
		_, _ = fmt.Fprintln(e.stderr, "nothing is being learned (csp.learn is false)")
	}
	_, err = e.screen().Write(text) // samples of what pages hold
	return err
}

func cspApprove(env *environment) *cobra.Command {
	var file, route string
	c := &cobra.Command{
		Use: "approve HASH… | approve --file FILE", Short: "Let inline scripts run under the strict policy",
		RunE: func(c *cobra.Command, args []string) error {
			if (len(args) == 0) == (file == "") {
				return usageError{errors.New("name either hashes or --file")}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				scripts, err := o.approvals(ctx, args, route, file)
				if err != nil {
					return err
				}
				return env.approve(o, scripts)
			})
		},
	}
	c.Flags().StringVar(&file, "file", "", "a reviewed proposal")
	c.Flags().StringVar(&route, "route", "", "only on this route")
	return c
}

// approvals are the scripts that the command line names.
func (o *opened) approvals(ctx context.Context, hashes []string, route, file string) ([]rollout.Approval, error) {
	if file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read the proposal: %w", err)
		}
		p, err := rollout.ParseApprovals(file, text)
		if err != nil {
			return nil, err
		}
		return p.Scripts, nil
	}
	seen, err := o.store.Seen(ctx)
	if err != nil {
		return nil, err
	}
	var all []rollout.Approval
	for _, word := range hashes {
		h, err := csp.ParseHash(word)
		if err != nil {
			return nil, usageError{err}
		}
		found := seen.Find(string(h), route)
		for i := range found {
			all = append(all, found[i].Approval())
		}
		if len(found) == 0 && route == "" {
			return nil, hinted{fmt.Errorf("no page was seen with %s", h), "list what was seen with: sanmon csp propose   or name the route: --route ID"}
		}
		if len(found) == 0 {
			all = append(all, rollout.Approval{Route: route, Hash: string(h)})
		}
	}
	return all, nil
}

func (e *environment) approve(o *opened, scripts []rollout.Approval) error {
	path := o.config.CSP.Approved
	if path == "" {
		return hinted{errors.New("the configuration names no file for approvals"), "add to it: csp: { approved: csp-approved.yaml }"}
	}
	for _, s := range scripts {
		if !o.config.HasRoute(s.Route) {
			return hinted{fmt.Errorf("there is no route %q", s.Route), "list them with: sanmon routes"}
		}
	}
	approved, err := rollout.LoadApprovals(path)
	if err != nil {
		return err
	}
	if approved == nil {
		approved = &rollout.Approvals{}
	}
	n := approved.Approve(scripts...)
	if err := approved.Save(path); err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.screen(), "approved %d scripts in %s; a running server takes them within 2 s\n", n, path)
	return err
}

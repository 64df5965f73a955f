package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/sanmon-gate/sanmon/internal/alert"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
)

func alertsCommand(env *environment) *cobra.Command {
	return group("alerts", "Test the receiver of alerts, and see what was sent", alertsTest(env), alertsList(env))
}

// sent is a test alert for a program to read.
type sent struct {
	ID           string  `json:"id"`
	To           string  `json:"to"` // host
	Delivered    bool    `json:"delivered"`
	Error        *string `json:"error"`
	Milliseconds int64   `json:"milliseconds"`
}

func alertsTest(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "test", Short: "Send a signed test alert to alerts.webhook, once", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			conf, err := config.Load(env.config)
			if err != nil {
				return env.configError(err)
			}
			ctx, cancel := context.WithTimeout(c.Context(), alertTime)
			defer cancel()
			return env.sendTest(ctx, conf)
		},
	})
}

func (e *environment) sendTest(ctx context.Context, c *config.Config) error {
	to, err := checkAlerts(ctx, c)
	if err != nil {
		return err
	}
	if to == nil {
		return hinted{errors.New("alerts are off: nobody is told"), "set alerts: { webhook: https://…, secret: file:PATH }"}
	}
	a, begun := alert.NewTest(time.Now()), time.Now()
	failed := to.Post(ctx, a.ID, a.Body(c.PublicURL, ""))
	result := sent{ID: a.ID, To: to.Host(), Delivered: failed == nil, Milliseconds: time.Since(begun).Milliseconds()}
	if failed != nil {
		why := failed.Error()
		result.Error = &why
	}
	if e.json {
		err = e.printJSON(result)
	} else if failed == nil {
		_, err = fmt.Fprintf(e.screen(), "%s has taken %s after %d ms\n", result.To, result.ID, result.Milliseconds)
	}
	if failed != nil {
		return hinted{fmt.Errorf("%s: %w", result.To, failed), "the receiver answers 2xx to a message whose signature it has verified"}
	}
	return err
}

// listed is an alert for a program to read.
type listed struct {
	ID         string      `json:"id"`
	Type       alert.Type  `json:"type"`
	Count      int64       `json:"count"`
	First      string      `json:"first"`
	Last       string      `json:"last"`
	FirstEvent int64       `json:"first_event"`
	LastEvent  int64       `json:"last_event"`
	State      alert.State `json:"state"`
	Attempts   int         `json:"attempts"`
	DoneAt     *string     `json:"done_at"`
	NextAt     *string     `json:"next_at"` // of one that waits
	Failure    *string     `json:"failure"`
}

func alertsList(env *environment) *cobra.Command {
	var lines int
	c := &cobra.Command{
		Use: "list [--lines N]", Short: "Show the newest alerts and what became of them", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				all, err := o.store.Alerts(ctx, lines)
				if err != nil {
					return err
				}
				return env.printAlerts(all)
			})
		},
	}
	c.Flags().IntVarP(&lines, "lines", "n", 50, "how many")
	return env.withJSON(c)
}

func (e *environment) printAlerts(all []alert.Entry) error {
	rows := make([]listed, len(all))
	for i, a := range all {
		rows[i] = listed{a.ID, a.Type, a.Count, stamp(a.First), stamp(a.Last), a.From, a.To, a.State, a.Attempts, stampOrNil(a.Done), nil, orNil(a.Failure)}
		if a.State == alert.Waiting {
			rows[i].NextAt = stampOrNil(a.Next)
		}
	}
	if e.json {
		return e.printJSON(rows)
	}
	table := make([][]string, len(rows))
	for i, r := range rows {
		table[i] = []string{r.First, string(r.State), string(r.Type), strconv.FormatInt(r.Count, 10), strconv.Itoa(r.Attempts), r.ID, all[i].Failure}
	}
	return e.printTable("FIRST STATE TYPE EVENTS TRIES ID FAILURE", table)
}

// alertState says for sanmon check who is told.
func alertState(c *config.Config) string {
	to, err := receiverOf(c, alertSecret(c))
	if err != nil || to == nil {
		return "off"
	}
	return to.Host()
}

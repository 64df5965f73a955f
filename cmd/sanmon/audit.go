package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/spf13/cobra"
)

func auditCommand(env *environment) *cobra.Command {
	return group("audit", "Read the audit trail", auditTail(env), auditExport(env),
		auditVerify(env), auditProve(env), auditVerifyProof(env), auditCheckpoint(env), auditKey(env))
}

const (
	auditPage  = 1000
	auditPause = 200 * time.Millisecond
)

func auditTail(env *environment) *cobra.Command {
	var follow bool
	var lines int
	c := &cobra.Command{
		Use: "tail [--follow] [--lines N]", Short: "Print the newest events", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if lines < 0 || lines > auditPage {
				return usageError{fmt.Errorf("--lines is a number up to %d (for more, with a record of it: sanmon audit export --from SEQ)", auditPage)}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				last, err := newest(ctx, o, lines)
				if err != nil {
					return err
				}
				after := int64(0)
				for _, ev := range last {
					if err := env.printEvent(ev); err != nil {
						return err
					}
					after = ev.Seq
				}
				for follow && ctx.Err() == nil {
					if after, err = env.printAfter(ctx, o, after); err != nil && ctx.Err() == nil {
						return err
					}
					select {
					case <-ctx.Done():
					case <-time.After(auditPause):
					}
				}
				return nil
			})
		},
	}
	c.Flags().BoolVarP(&follow, "follow", "f", false, "wait for more")
	c.Flags().IntVarP(&lines, "lines", "n", 20, "how many events to begin with")
	return env.withJSON(c)
}

// newest reads the last n events, lowest first.
func newest(ctx context.Context, o *opened, n int) ([]audit.Event, error) {
	last, err := o.store.NewestEvents(ctx, n)
	slices.Reverse(last)
	return last, err
}

// printAfter prints all events after a sequence number and returns the last one's.
func (e *environment) printAfter(ctx context.Context, o *opened, after int64) (int64, error) {
	for {
		page, err := o.store.Events(ctx, after, auditPage)
		if err != nil {
			return after, err
		}
		for _, ev := range page {
			if err := e.printEvent(ev); err != nil {
				return after, err
			}
			after = ev.Seq
		}
		if len(page) < auditPage {
			return after, nil
		}
	}
}

func (e *environment) printEvent(ev audit.Event) error {
	if e.json {
		return e.printLine(&ev)
	}
	_, err := fmt.Fprintf(e.screen(), "%s  %-18s", stamp(ev.At), ev.Event)
	for _, f := range [][2]string{{"subject", ev.Subject}, {"actor", ev.Actor}, {"sid", ev.SID}, {"key", ev.KeyID}, {"route", ev.Route}, {"network", ev.Network}, {"request", ev.RequestID}, {"", ev.Detail}} {
		if f[1] == "" {
			continue
		}
		if f[0] != "" {
			f[0] += "="
		}
		_, err = fmt.Fprintf(e.screen(), "  %s%s", f[0], f[1])
	}
	_, _ = fmt.Fprintln(e.screen())
	return err
}

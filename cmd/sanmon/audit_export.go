package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/spf13/cobra"
)

func auditExport(env *environment) *cobra.Command {
	var from, to int64
	c := &cobra.Command{
		Use: "export [--from SEQ] [--to SEQ]", Short: "Print the trail, one JSON object a line",
		Long: "Print the whole trail, or the events of a range of numbers, one JSON object a line.\nThe export is itself an event, which is written first: what cannot be recorded is not given out.",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if from < 1 || to < 0 || to > 0 && to < from {
				return usageError{errors.New("--from and --to are numbers of events, the lower one first (see: sanmon audit tail --json)")}
			}
			env.json = true
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				return env.export(ctx, o, from, to)
			})
		},
	}
	c.Flags().Int64Var(&from, "from", 1, "number of the first event")
	c.Flags().Int64Var(&to, "to", 0, "number of the last event (default: the newest)")
	return c
}

// export records who gets what, and prints it: up to the newest event before that record.
func (e *environment) export(ctx context.Context, o *opened, from, to int64) error {
	ends, err := o.store.Ends(ctx)
	if err != nil {
		return err
	}
	if to == 0 || to > ends.Last {
		to = ends.Last
	}
	count := max(0, to-from+1)
	if err := o.store.Record(ctx, byCLI(audit.Exported, fmt.Sprintf("from=%d to=%d count=%d %s", from, to, count, byUser()))); err != nil {
		return hinted{fmt.Errorf("nothing is exported, because that cannot be recorded: %w", err), "the newest events without a record: sanmon audit tail --json"}
	}
	for after := from - 1; after < to; {
		page, err := o.store.Events(ctx, after, int(min(auditPage, to-after)))
		if err != nil || len(page) == 0 {
			return err
		}
		for _, ev := range page {
			if ev.Seq > to { // numbers are missing: see sanmon audit verify
				return nil
			}
			if err := e.printEvent(ev); err != nil {
				return err
			}
			after = ev.Seq
		}
	}
	return nil
}

// recordFailure writes down that the trail was checked and is not intact. Where it cannot
// be written, the verdict stands all the same.
func (e *environment) recordFailure(ctx context.Context, o *opened, r tree.Report, failed error) {
	detail := "verdict=not_verifiable"
	if failed == nil {
		if r.Verdict == tree.Tampered {
			detail = "verdict=tampered"
		}
		detail += fmt.Sprintf(" records=%d first_bad=%d findings=%d", r.Records, r.FirstBad, int64(len(r.Findings))+r.More)
	}
	if err := o.store.Record(ctx, byCLI(audit.VerifyFailed, detail+" "+byUser())); err != nil {
		e.complain("warning: this verdict is not recorded in the trail: %v\n", err)
	}
}

// byUser says which user of the machine runs the command: the number, which names nobody
// elsewhere.
func byUser() string { return fmt.Sprintf("uid=%d", os.Getuid()) }

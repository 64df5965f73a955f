package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/sanmon-gate/sanmon/internal/scan"
	"github.com/spf13/cobra"
)

// scanCommand finds keys and misuses. It exits 0 when nothing was found, 1 when
// something was, 2 when it could not scan what it was told to.
func scanCommand(env *environment) *cobra.Command {
	var all, sarif, history bool
	var baseline, write string
	c := &cobra.Command{
		Use: "scan PATH…", Short: "Find keys and misuses in source trees and logs (- is standard input)", Args: between(1, -1),
		RunE: func(c *cobra.Command, args []string) error {
			r, s := &scan.Report{}, scan.New(all)
			known, err := readBaseline(baseline)
			if err != nil {
				return usageError{err}
			}
			for _, path := range args {
				if path == "-" {
					b, err := scan.Read(c.InOrStdin(), "standard input")
					if err != nil {
						r.Notes = append(r.Notes, err.Error())
					}
					s.Text(r, "-", b)
				} else if err := s.Path(c.Context(), r, path); err != nil {
					return usageError{err}
				}
				if history && path != "-" {
					if err := s.History(c.Context(), r, path); err != nil {
						return usageError{err}
					}
				}
			}
			r.Finish(known)
			if write != "" {
				return env.writeBaseline(write, r)
			}
			return env.printScan(r, sarif)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "read installed packages, tests and examples too")
	c.Flags().BoolVar(&sarif, "sarif", false, "print SARIF 2.1.0")
	c.Flags().BoolVar(&history, "history", false, "look for credentials in the git history too")
	c.Flags().StringVar(&baseline, "baseline", "", "file of findings that are known and not reported")
	c.Flags().StringVar(&write, "write-baseline", "", "write what is found to this file, and succeed")
	return env.withJSON(c)
}

// baselineFile is what --write-baseline writes: fingerprints, no credentials.
type baselineFile struct {
	Version  int            `json:"version"`
	Findings []scan.Finding `json:"findings"`
}

func readBaseline(name string) (map[string]bool, error) {
	if name == "" {
		return nil, nil
	}
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w (make one with --write-baseline)", err)
	}
	var f baselineFile
	if err := json.Unmarshal(b, &f); err != nil || f.Version != 1 {
		return nil, fmt.Errorf("read the baseline: %q is none (make one with --write-baseline)", name)
	}
	known := map[string]bool{}
	for _, x := range f.Findings {
		known[x.Fingerprint] = true
	}
	return known, nil
}

func (e *environment) writeBaseline(name string, r *scan.Report) error {
	b, err := json.MarshalIndent(baselineFile{1, r.Findings}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(name, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	_, err = fmt.Fprintf(e.stderr, "%d findings written to %s\n", len(r.Findings), name)
	return err
}

func (e *environment) printScan(r *scan.Report, sarif bool) error {
	var err error
	switch {
	case sarif:
		err = e.printJSON(r.SARIF(version))
	case e.json:
		err = e.printJSON(r)
	default:
		for _, f := range r.Findings {
			if f.Commit != "" {
				f.File = f.Commit[:min(12, len(f.Commit))] + ":" + f.File
			}
			_, err = fmt.Fprintf(e.screen(), "%s:%d:%d: %s [%s]: %s (%s)\n    %s\n", f.File, f.Line, f.Column, f.Severity, f.Rule, f.Why, f.Remedy, f.Excerpt)
		}
		for _, n := range append(r.Notes, r.Skipped...) {
			_, _ = fmt.Fprintf(e.stderr, "not read: %s\n", n)
		}
		_, _ = fmt.Fprintf(e.stderr, "%d findings in %d files; %d allowed by comment, %d in the baseline\n", len(r.Findings), r.Files, len(r.Allowed), r.Known)
	}
	if err == nil && len(r.Findings) > 0 {
		return exitError(exitFailed)
	}
	return err
}

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/audit/tree"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/trail"
	"github.com/sanmon-gate/sanmon/internal/webhook"
	"github.com/sanmon-gate/sanmon/secret"
	"github.com/spf13/cobra"
	"golang.org/x/mod/sumdb/note"
)

// exitUnverifiable is for an audit trail of which nothing can be said.
const exitUnverifiable = 3

// sinkOf is where checkpoints go besides the database; nil for nowhere. What is posted is
// signed as the configuration says that is in force then.
func sinkOf(c *config.Config, now func() *config.Config) trail.Sink {
	switch {
	case c.Audit.Anchor == "":
		return nil
	case c.Audit.AnchorIsURL():
		return webhookOf(c, now)
	}
	return trail.File{Path: c.Audit.Anchor}
}

// webhookOf is the anchor endpoint of a configuration that has one.
func webhookOf(c *config.Config, now func() *config.Config) trail.Webhook {
	h := trail.NewWebhook(c.Audit.Anchor)
	h.Keys = func(ctx context.Context) (webhook.Keys, error) { return signingKeys(ctx, now()) }
	return h
}

// signer opens the key of checkpoints, and makes the first one where make is true.
func (o *opened) signer(ctx context.Context, make bool) (*trail.Signer, error) {
	master, err := openMaster(ctx, o.config)
	if err != nil {
		return nil, err
	}
	ring := &secret.Ring{Purpose: secret.PurposeAudit}
	if make {
		ring, err = secret.LoadRing(ctx, o.store, master, secret.PurposeAudit, nil)
	} else {
		err = ring.Load(ctx, o.store, master)
	}
	return &trail.Signer{Store: o.store, Ring: ring, Actor: "cli"}, err
}

func auditCheckpoint(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "checkpoint", Short: "Sign the state of the trail now, and print it",
		Long: "Sign the state of the trail now and print the signed note, or with --json the line that an\nanchor keeps. It is stored, and written to the anchor of the configuration. Kept elsewhere,\nit shows later that nothing before it was changed: sanmon audit verify --anchor FILE.",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				s, err := o.signer(ctx, true)
				if err != nil {
					return err
				}
				signed, err := s.Sign(ctx, time.Now())
				if err != nil {
					return err
				}
				if signed.Note == "" {
					return errors.New("the audit trail is empty (there is nothing to sign yet)")
				}
				if env.json {
					err = json.NewEncoder(env.stdout).Encode(signed.Line())
				} else {
					_, err = io.WriteString(env.stdout, signed.Note)
				}
				if sink := sinkOf(o.config, func() *config.Config { return o.config }); sink != nil && signed.New && err == nil {
					err = sink.Put(ctx, signed.Line())
				}
				return err
			})
		},
	})
}

func auditKey(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "key", Short: "Print the public keys of checkpoints, for those who verify elsewhere", Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				s, err := o.signer(ctx, false)
				if err != nil {
					return err
				}
				keys, err := s.PublicKeys(ctx)
				if err != nil {
					return err
				}
				if len(keys) == 0 {
					return hinted{errors.New("nothing was signed yet"), "sign the trail with: sanmon audit checkpoint"}
				}
				if env.json {
					return env.printJSON(keys)
				}
				_, err = fmt.Fprintln(env.screen(), strings.Join(keys, "\n"))
				return err
			})
		},
	})
}

func auditProve(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "prove SEQ", Short: "Print the proof that an event is in the trail",
		Long: "Print a proof (c2sp.org/tlog-proof) that the event of that number is in the trail as it was\nsigned. Whoever has the public key checks it without the database: sanmon audit verify-proof.",
		Args: exactly(1),
		RunE: func(c *cobra.Command, args []string) error {
			seq, err := strconv.ParseInt(args[0], 10, 64)
			if err != nil || seq < 1 {
				return usageError{fmt.Errorf("%q is no number of an event (see: sanmon audit tail --json)", args[0])}
			}
			return env.with(c.Context(), func(ctx context.Context, o *opened) error {
				p, err := prove(ctx, o, seq)
				if err != nil {
					return err
				}
				_, err = io.WriteString(env.stdout, p.String())
				return err
			})
		},
	}
}

// prove uses the newest checkpoint, and makes one where that does not cover the event.
func prove(ctx context.Context, o *opened, seq int64) (tree.Proof, error) {
	events, err := o.store.Events(ctx, seq-1, 1)
	if err != nil {
		return tree.Proof{}, err
	}
	if len(events) == 0 || events[0].Seq != seq {
		return tree.Proof{}, hinted{fmt.Errorf("the audit trail has no event %d", seq), "the newest ones are shown by: sanmon audit tail"}
	}
	s, err := o.signer(ctx, true)
	if err != nil {
		return tree.Proof{}, err
	}
	signed, err := s.Newest(ctx)
	if err == nil && signed.Size < seq {
		signed, err = s.Sign(ctx, time.Now())
	}
	if err == nil && signed.Size < seq { // it is the event of the last checkpoint, which is signed with the next
		return tree.Proof{}, hinted{fmt.Errorf("event %d is not signed yet", seq), "it says that a checkpoint was made, and is covered by the one after the next event"}
	}
	if err != nil {
		return tree.Proof{}, err
	}
	p, err := tree.Prove(events[0], signed.Checkpoint, signed.Note, o.store.Hashes(ctx))
	if err != nil {
		return p, err
	}
	keys, err := trail.Keys(s.Ring)
	if err != nil {
		return p, err
	}
	if _, _, err := tree.OpenProof(p.String(), keys); err != nil {
		return p, hinted{err, "the trail was changed; see: sanmon audit verify"}
	}
	return p, nil
}

func auditVerifyProof(env *environment) *cobra.Command {
	var pub string
	c := env.withJSON(&cobra.Command{
		Use: "verify-proof --pub KEY [FILE]", Short: "Check a proof without the database, and print its event",
		Long: "Check a proof of sanmon audit prove, from a file or standard input, with nothing but the\npublic key (the text of sanmon audit key, or a file with it). Exit 0: it holds, 1: it does not.",
		Args: between(0, 1),
		RunE: func(_ *cobra.Command, args []string) error {
			if pub == "" {
				return usageError{errors.New("the public key is missing (--pub KEY; print it with: sanmon audit key)")}
			}
			keys, err := publicKeys(pub)
			if err != nil {
				return err
			}
			name := "-"
			if len(args) == 1 {
				name = args[0]
			}
			in, err := env.input(name)
			if err != nil {
				return err
			}
			defer func() { _ = in.Close() }()
			text, err := io.ReadAll(io.LimitReader(in, 1<<20))
			if err != nil {
				return err
			}
			ev, at, err := tree.OpenProof(string(text), keys)
			if err != nil {
				return err
			}
			if !env.json {
				_, _ = fmt.Fprintf(env.stderr, "event %d is in the trail %s, among the first %d events\n", ev.Seq, at.Origin, at.Size)
			}
			return env.printEvent(ev)
		},
	})
	c.Flags().StringVar(&pub, "pub", "", "public key, or a file with it")
	return c
}

// publicKeys reads --pub: keys, or a file with them.
func publicKeys(pub string) (note.Verifiers, error) {
	if b, err := os.ReadFile(pub); err == nil {
		pub = string(b)
	}
	return tree.Keys(pub)
}

func auditVerify(env *environment) *cobra.Command {
	var anchor, pub string
	c := env.withJSON(&cobra.Command{
		Use: "verify [--anchor FILE] [--pub KEY]", Short: "Find edits, deletions and cut tails in the trail",
		Long: "Compute every hash of the trail again and compare it with what is stored and with every\nsigned checkpoint. With --anchor, also with checkpoints that were kept outside of the database:\nonly they show that the newest events were cut off, or that an older database was put back.\nWhat is in audit.anchor is such an anchor: a file, or an endpoint that answers GET.\nExit 0: intact, 1: tampered, 3: not verifiable (it cannot be read, or the key is missing).",
		Args: exactly(0),
		RunE: func(c *cobra.Command, _ []string) error {
			report, err := verify(c.Context(), env, anchor, pub)
			if err != nil {
				if code := env.report(err); code == exitUsage {
					return exitError(exitUsage)
				}
				return exitError(exitUnverifiable)
			}
			if err := env.printReport(report); err != nil {
				return err
			}
			switch report.Verdict {
			case tree.Tampered:
				return exitError(exitFailed)
			case tree.Unverifiable:
				return exitError(exitUnverifiable)
			}
			return nil
		},
	})
	c.Flags().StringVar(&anchor, "anchor", "", "file with checkpoints that were kept outside of the database")
	c.Flags().StringVar(&pub, "pub", "", "public key, or a file with it, instead of the one in the store")
	return c
}

func verify(ctx context.Context, env *environment, anchor, pub string) (report tree.Report, err error) {
	err = env.with(ctx, func(ctx context.Context, o *opened) error {
		v := &tree.Verifier{Source: o.store}
		if pub != "" {
			if v.Keys, err = publicKeys(pub); err != nil {
				return err // that says nothing about the trail
			}
		}
		report, err = env.verifyWith(ctx, o, v, anchor)
		if err != nil || report.Verdict != tree.Intact {
			env.recordFailure(ctx, o, report, err)
		}
		return err
	})
	return report, err
}

func (e *environment) verifyWith(ctx context.Context, o *opened, v *tree.Verifier, anchor string) (report tree.Report, err error) {
	if v.Keys == nil {
		if v.Keys, v.Trusted, err = o.auditKeys(ctx); err != nil {
			return report, err
		}
	}
	forged, err := e.readAnchor(ctx, v, o, anchor)
	if err != nil {
		return report, err
	}
	report, err = v.Run(ctx)
	report.Forge(forged...)
	return report, err
}

// auditKeys are the keys of the store; nil when nothing was signed yet.
func (o *opened) auditKeys(ctx context.Context) (note.Verifiers, bool, error) {
	last, err := o.store.LastCheckpoint(ctx)
	if err != nil {
		return nil, false, err
	}
	s, err := o.signer(ctx, false)
	if err != nil && last.Note == "" {
		return nil, false, nil // nothing to check with it
	}
	if err != nil {
		return nil, false, err
	}
	keys, err := trail.Keys(s.Ring)
	if err != nil || len(keys) == 0 {
		return nil, false, err
	}
	return keys, true, nil
}

// readAnchor adds the anchors of a file, else those of the configured place where they are there.
func (e *environment) readAnchor(ctx context.Context, v *tree.Verifier, o *opened, file string) (forged []string, err error) {
	given := file != ""
	if !given && o.config.Audit.AnchorIsURL() {
		return e.readBack(ctx, v, o)
	}
	if !given {
		file = o.config.Audit.Anchor
	}
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil && !given && os.IsNotExist(err) {
		return nil, nil // nothing was anchored yet
	}
	if err != nil {
		return nil, fmt.Errorf("anchor: %w (name the file that audit.anchor appends to, or a copy of it)", err)
	}
	defer func() { _ = f.Close() }()
	if v.Keys == nil {
		return nil, hinted{errors.New("the store holds no key to check the anchor with"), "give the public key with --pub, as sanmon audit key printed it"}
	}
	v.Anchors, forged, err = tree.ReadAnchors(f, v.Keys)
	return forged, err
}

// readBack adds the anchors of the configured endpoint, where that says what it keeps.
func (e *environment) readBack(ctx context.Context, v *tree.Verifier, o *opened) (forged []string, err error) {
	text, err := anchorText(ctx, o.config)
	if err == nil && len(bytes.TrimSpace(text)) > 0 && v.Keys != nil {
		v.Anchors, forged, err = tree.ReadAnchors(bytes.NewReader(text), v.Keys)
		if len(v.Anchors) == 0 && (err == nil || errors.Is(err, tree.ErrAnchor)) {
			forged, err = nil, &trail.Unreadable{Reason: "the answer to GET holds no checkpoint of this trail"}
		}
	}
	if no, silent := errors.AsType[*trail.Unreadable](err); silent {
		e.complain("warning: not compared with audit.anchor: %s\n", no.Reason)
		return nil, nil
	}
	return forged, err
}

func (e *environment) printReport(r tree.Report) error {
	if e.json {
		return e.printJSON(r)
	}
	_, err := fmt.Fprintf(e.screen(), "%s: %d events, root %s; %d signed by %d checkpoints and %d anchors\n", r.Verdict, r.Records, r.Root, r.Signed, r.Checkpoints, r.Anchors)
	if r.FirstBad > 0 {
		_, _ = fmt.Fprintf(e.screen(), "first bad event: %d\n", r.FirstBad)
	}
	for _, f := range r.Findings {
		_, _ = fmt.Fprintf(e.screen(), "  %s: %s\n", f.Code, f.Detail)
	}
	if r.More > 0 {
		_, _ = fmt.Fprintf(e.screen(), "  and %d more\n", r.More)
	}
	for _, f := range r.Warnings {
		_, _ = fmt.Fprintf(e.screen(), "  warning: %s: %s\n", f.Code, f.Detail)
	}
	return err
}

// printLine prints the canonical line of an event, the one that the tree is made of.
func (e *environment) printLine(ev *audit.Event) error {
	_, err := e.stdout.Write(append(ev.AppendCanonical(nil), '\n'))
	return err
}

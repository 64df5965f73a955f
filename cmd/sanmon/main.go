// Command sanmon is the gate: it runs it, checks and explains its configuration, and
// manages users, services, sessions and keys in its store.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/sanmon-gate/sanmon/internal/terminal"
	"github.com/sanmon-gate/sanmon/keys/redact"
	"github.com/spf13/cobra"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version = "devel"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes of the contract.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// run executes one command line and returns its exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	env := &environment{stdin: stdin, stdout: stdout, stderr: terminal.Writer{To: stderr}, log: stderr}
	root := newRoot(env)
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(env.stderr)
	return env.report(root.ExecuteContext(ctx))
}

// environment is what commands share.
type environment struct {
	stdin  io.Reader
	stdout io.Writer // for programs and files, byte for byte
	stderr io.Writer // for people
	log    io.Writer // of a server
	config string    // -c
	json   bool      // --json
}

// screen is standard output for people.
func (e *environment) screen() io.Writer { return terminal.Writer{To: e.stdout} }

// usageError is a command line that makes no sense: exit code 2.
type usageError struct{ error }

// exitError ends a command that has said everything already.
type exitError int

func (e exitError) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// hinted is an error with a remedy, shown on a line of its own.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

func (e *environment) report(err error) int {
	if err == nil {
		return exitOK
	}
	if exit, ok := errors.AsType[exitError](err); ok {
		return int(exit)
	}
	if faults, ok := errors.AsType[config.Errors](err); ok {
		e.complain("%v\n", faults) // file:line:column: message (remedy), one a line
		e.hint(err)
		return exitFailed
	}
	e.complain("error: %v\n", err)
	e.hint(err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// hint says the remedy of an error that has one of its own.
func (e *environment) hint(err error) {
	if h, ok := errors.AsType[hinted](err); ok {
		e.complain("hint: %s\n", h.hint)
	}
}

// complain writes for people through the last net: errors quote what was typed, and
// somebody types a key where its id belongs.
func (e *environment) complain(format string, args ...any) {
	_, _ = e.stderr.Write(redact.Line(fmt.Appendf(nil, format, args...)))
}

func newRoot(env *environment) *cobra.Command {
	root := &cobra.Command{
		Use:           "sanmon",
		Short:         "A gate with three layers in front of any web backend",
		Long:          "Sanmon stands in front of a web backend and judges every request by three layers:\ninput and output, identity and permission, keys and networks. One verdict, one explanation.",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.PersistentFlags().StringVarP(&env.config, "config", "c", "sanmon.yaml", "configuration file")
	root.SetFlagErrorFunc(flagError)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.Version = versionLine() // makes the flag --version
	root.SetVersionTemplate("{{.Version}}\n")
	needsVerb(root)
	root.AddCommand(
		demoCommand(env), initCommand(env), serveCommand(env), checkCommand(env), routesCommand(env), explainCommand(env),
		userCommand(env), pwnedCommand(env), serviceCommand(env), sessionCommand(env), keyCommand(env), keysetCommand(env), auditCommand(env), alertsCommand(env), cspCommand(env),
		schemaCommand(env), versionCommand(env),
		scanCommand(env), clientCommand(env),
	)
	return root
}

// needsVerb makes a command that only groups others print its help and fail as
// wrong usage.
func needsVerb(c *cobra.Command) {
	c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) > 0 {
			meant := ""
			if near := c.SuggestionsFor(args[0]); len(near) > 0 {
				meant = fmt.Sprintf("did you mean %q? ", near[0])
			}
			return usageError{fmt.Errorf("%q is no command of %q (%ssee: %s --help)", args[0], c.CommandPath(), meant, c.CommandPath())}
		}
		c.SetOut(c.ErrOrStderr())
		_ = c.Help()
		return exitError(exitUsage)
	}
}

// group is a command that only groups others.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	needsVerb(c)
	c.AddCommand(verbs...)
	return c
}

// exactly checks the number of arguments; too few or many are wrong usage.
func exactly(n int) cobra.PositionalArgs { return between(n, n) }

// between is exactly with a range; a negative most means any number.
func between(least, most int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && (most < 0 || len(args) <= most) {
			return nil
		}
		return usageError{fmt.Errorf("%s takes %s, and %d came (usage: %s)", c.CommandPath(), arguments(least, most), len(args), c.UseLine())}
	}
}

// withJSON adds --json to a command that prints data.
func (e *environment) withJSON(c *cobra.Command) *cobra.Command {
	c.Flags().BoolVar(&e.json, "json", false, "print JSON")
	return c
}

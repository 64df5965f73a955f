package main

import (
	"errors"
	"fmt"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// flagError is a flag that cannot be taken: which command was read, which flag was
// meant, and where they are listed.
func flagError(c *cobra.Command, err error) error {
	see := fmt.Sprintf("see: %s --help", c.CommandPath())
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		var known []string
		c.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
		if near := config.Nearest(unknown.GetSpecifiedName(), known); near != "" {
			see = fmt.Sprintf("did you mean --%s? %s", near, see)
		}
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		f := bad.GetFlag()
		return usageError{fmt.Errorf("--%s: %q is not a value of kind %s (%s)", f.Name, bad.GetValue(), f.Value.Type(), see)}
	}
	return usageError{fmt.Errorf("%w (%s)", err, see)}
}

// arguments says how many a command takes.
func arguments(least, most int) string {
	switch {
	case most == 0:
		return "no arguments"
	case most < 0:
		if least == 1 {
			return "at least one argument"
		}
		return fmt.Sprintf("at least %d arguments", least)
	case least == most && most == 1:
		return "one argument"
	case least == most:
		return fmt.Sprintf("%d arguments", most)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

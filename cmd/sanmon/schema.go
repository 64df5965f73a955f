package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
)

func schemaCommand(env *environment) *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "Print the JSON Schema of the configuration, for editors", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			_, err := env.stdout.Write(config.Schema())
			return err
		},
	}
}

func versionCommand(env *environment) *cobra.Command {
	return env.withJSON(&cobra.Command{
		Use: "version", Short: "Print the version", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			if env.json {
				return env.printJSON(map[string]string{"version": version, "revision": revision(), "go": runtime.Version()})
			}
			_, err := fmt.Fprintln(env.screen(), versionLine())
			return err
		},
	})
}

func versionLine() string {
	return fmt.Sprintf("sanmon %s (%s, %s)", version, or(revision(), "no revision"), runtime.Version())
}

// revision is the commit that the binary was built from, "" when it is not known.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			return s.Value
		}
	}
	return ""
}

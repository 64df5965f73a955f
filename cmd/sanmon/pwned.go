package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/sanmon-gate/sanmon/identity/password"
	"github.com/sanmon-gate/sanmon/internal/config"
	"github.com/spf13/cobra"
)

func pwnedCommand(env *environment) *cobra.Command {
	return group("pwned", "Make a filter of passwords that attackers have", pwnedBuild(env))
}

// filterView is a filter that was made.
type filterView struct {
	File      string `json:"file"`
	Passwords int    `json:"passwords"`
	Bytes     int64  `json:"bytes"`
}

func pwnedBuild(env *environment) *cobra.Command {
	var out string
	var bits, least int
	c := &cobra.Command{
		Use: "build LIST --out FILE", Short: "Make the file for login.blocklist of a list", Args: exactly(1),
		Long: "Make a filter of a list that you have got: one password a line, or one SHA-1 a line with how often it\n" +
			"was seen (HASH:COUNT), as Have I Been Pwned publishes them; - is standard input. The filter has no\n" +
			"password in it. It takes 2.3 bytes a password, or with --bits 8 half of that, and then refuses one good\n" +
			"password of 128.",
		RunE: func(_ *cobra.Command, args []string) error {
			if out == "" {
				return usageError{errors.New("--out is missing (name the file to write; login.blocklist names it then)")}
			}
			keys, err := env.readList(args[0], least)
			if err != nil {
				return err
			}
			v, err := writeFilter(out, keys, bits)
			if err != nil {
				return err
			}
			return env.tell(v, "%s: %d passwords in %d bytes (set login.blocklist to it)", v.File, v.Passwords, v.Bytes)
		},
	}
	c.Flags().StringVar(&out, "out", "", "file to write")
	c.Flags().IntVar(&bits, "bits", 16, "bits a password: 8 or 16")
	c.Flags().IntVar(&least, "least", 1, "leave out what was seen less often")
	return env.withJSON(c)
}

func (e *environment) readList(name string, least int) ([]uint64, error) {
	in, err := e.input(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }()
	keys, err := password.ReadList(in, least)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return keys, nil
}

// writeFilter replaces the file at once: a running gate reads it whole or not at all.
func writeFilter(name string, keys []uint64, bits int) (v filterView, err error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".filter-*")
	if err != nil {
		return v, err
	}
	defer func() {
		_ = f.Close()
		_ = os.Remove(f.Name()) // gone already after the rename
	}()
	n, err := password.WriteFilter(f, keys, bits)
	if err != nil {
		return v, fmt.Errorf("make the filter: %w", err)
	}
	info, err := f.Stat()
	if err == nil {
		err = errors.Join(f.Chmod(0o644), f.Sync(), f.Close(), os.Rename(f.Name(), name))
	}
	if err != nil {
		return v, err
	}
	return filterView{name, n, info.Size()}, nil
}

func noFilter(err error) hinted {
	return hinted{fmt.Errorf("login.blocklist: %w", err), "make it with: sanmon pwned build LIST --out FILE"}
}

// checkFilter looks whether the file of login.blocklist can be opened; it may have gigabytes.
func checkFilter(c *config.Config) error {
	if c.Login.Blocklist == "" {
		return nil
	}
	f, err := os.Open(c.Login.Blocklist)
	if err != nil {
		no := noFilter(err)
		return hinted{c.Fault(c.Login.Blocklist, no.error), no.hint}
	}
	return f.Close()
}

// openFilter reads the file of login.blocklist; nil when there is none.
func openFilter(name string) (*password.Filter, error) {
	if name == "" {
		return nil, nil
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, noFilter(err)
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	filter, err := password.ReadFilter(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("login.blocklist: %s: %w", name, err)
	}
	return filter, nil
}

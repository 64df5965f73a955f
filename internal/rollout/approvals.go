package rollout

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/sanmon-gate/sanmon/web/csp"
)

// Approvals is the file of csp.approved: what a person decided. A nil one is empty.
type Approvals struct {
	Version   int         `yaml:"version"`
	Scripts   []Approval  `yaml:"scripts,omitempty"`
	Explained []Explained `yaml:"explained,omitempty"`
}

// Approval lets one inline script run on one route. All but Route and Hash is there for
// the person who reviews it.
type Approval struct {
	Route     string    `yaml:"route"`
	Hash      string    `yaml:"hash"`
	Sample    string    `yaml:"sample,omitempty"`
	FirstSeen time.Time `yaml:"first_seen,omitempty"`
	LastSeen  time.Time `yaml:"last_seen,omitempty"`
	Visitors  int       `yaml:"visitors,omitempty"`
	Count     int64     `yaml:"count,omitempty"`
}

// Explained says why reports of a group do not count against a route.
type Explained struct {
	Route     string `yaml:"route"` // "*" for every route
	Directive string `yaml:"directive"`
	Blocked   string `yaml:"blocked"`
	Reason    string `yaml:"reason"`
}

// Bounds of the file.
const (
	maxApprovals    = 1 << 20 // bytes
	maxRouteScripts = 64      // hashes of one route: the header has to fit
)

// LoadApprovals reads and validates the file. One that is not there is empty.
func LoadApprovals(path string) (*Approvals, error) {
	if path == "" {
		return nil, nil
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, unreadable(path, err)
	}
	defer func() { _ = f.Close() }()
	src, err := io.ReadAll(io.LimitReader(f, maxApprovals+1))
	if err != nil {
		return nil, unreadable(path, err)
	}
	return ParseApprovals(path, src)
}

func unreadable(path string, err error) error {
	if cause, ok := errors.AsType[*fs.PathError](err); ok {
		err = cause.Err
	}
	return fmt.Errorf("csp.approved: %s: %w (name a file that the server can read, or one that does not exist yet: sanmon csp approve writes it)", path, err)
}

// ParseApprovals reads the content of the file called path.
func ParseApprovals(path string, src []byte) (*Approvals, error) {
	if len(src) > maxApprovals {
		return nil, fmt.Errorf("csp.approved: %s is larger than 1 MiB (is this the right file?)", path)
	}
	a := &Approvals{}
	if err := yaml.UnmarshalWithOptions(src, a, yaml.Strict()); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("csp.approved: %s: %s", path, firstLine(yaml.FormatError(err, false, false)))
	}
	if err := a.check(); err != nil {
		return nil, fmt.Errorf("csp.approved: %s: %w", path, err)
	}
	return a, nil
}

func firstLine(s string) string { line, _, _ := strings.Cut(s, "\n"); return line }

func (a *Approvals) check() error {
	if a.Version != 1 && len(a.Scripts)+len(a.Explained) > 0 {
		return fmt.Errorf("version is %d (write version: 1)", a.Version)
	}
	perRoute := map[string]int{}
	for i := range a.Scripts {
		s := &a.Scripts[i]
		h, err := csp.ParseHash(s.Hash)
		if err != nil {
			return fmt.Errorf("scripts[%d]: %w", i, err)
		}
		if s.Hash = string(h); s.Route == "" {
			return fmt.Errorf("scripts[%d]: route is missing (an approval holds for one route)", i)
		}
		if perRoute[s.Route]++; perRoute[s.Route] > maxRouteScripts {
			return fmt.Errorf("route %q has more than %d scripts (move them to files; the header has to fit)", s.Route, maxRouteScripts)
		}
	}
	for i, e := range a.Explained {
		if e.Route == "" || e.Directive == "" || e.Blocked == "" || strings.TrimSpace(e.Reason) == "" {
			return fmt.Errorf("explained[%d]: route, directive, blocked and reason are needed", i)
		}
	}
	return nil
}

// Hashes returns the hashes of a route, sorted, each once.
func (a *Approvals) Hashes(route string) []csp.Hash {
	if a == nil {
		return nil
	}
	var all []csp.Hash
	for _, s := range a.Scripts {
		if s.Route == route {
			all = append(all, csp.Hash(s.Hash))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Explains reports whether a person has said where reports of a group come from.
func (a *Approvals) Explains(g Group) bool {
	return a != nil && slices.ContainsFunc(a.Explained, func(e Explained) bool {
		return (e.Route == g.Route || e.Route == "*") && e.Directive == g.Directive && e.Blocked == g.Blocked
	})
}

// Approve adds scripts that are not there yet and returns how many those were.
func (a *Approvals) Approve(scripts ...Approval) int {
	n := len(a.Scripts)
	for _, s := range scripts {
		if !slices.Contains(a.Hashes(s.Route), csp.Hash(s.Hash)) {
			a.Scripts = append(a.Scripts, s)
		}
	}
	slices.SortStableFunc(a.Scripts, func(x, y Approval) int {
		return strings.Compare(x.Route+"\x00"+x.Hash, y.Route+"\x00"+y.Hash)
	})
	return len(a.Scripts) - n
}

const approvalsHead = `# Inline scripts that may run under the strict content security policy, and reports that
# were explained. Read each script in the page before it is listed here: what was learned
# may be an attacker's. docs/csp.md
`

// Encode returns the file.
func (a *Approvals) Encode() ([]byte, error) {
	a.Version = 1
	if err := a.check(); err != nil {
		return nil, err
	}
	body, err := yaml.Marshal(a)
	if err != nil {
		return nil, fmt.Errorf("encode approvals: %w", err)
	}
	return append([]byte(approvalsHead), body...), nil
}

// Save writes the file in one step: a reader sees the old one or the new one.
func (a *Approvals) Save(path string) error {
	text, err := a.Encode()
	if err != nil {
		return err
	}
	if again, err := ParseApprovals(path, text); err != nil || !bytes.Equal(must(again.Encode()), text) {
		return fmt.Errorf("csp.approved: what would be written to %s cannot be read again: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write approvals: %w", err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // after the rename there is nothing to remove
	_, err = tmp.Write(text)
	if err = errors.Join(err, tmp.Chmod(0o644), tmp.Sync(), tmp.Close()); err != nil {
		return fmt.Errorf("write approvals: %w", err)
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write approvals: %w", err)
	}
	return nil
}

func must(b []byte, err error) []byte {
	if err != nil {
		return nil
	}
	return b
}

package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/cobra"
)

// pages are what people read, by their path from here.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/design/*.md", "../../python/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[file] = string(text)
		}
	}
	if len(all) < 25 {
		t.Fatalf("only %d pages were found", len(all))
	}
	return all
}

var (
	leads   = regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"`)
	heading = regexp.MustCompile(`(?m)^#{1,6} +(.+)$`)
	fence   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// Every link to a page or a heading of ours leads somewhere.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	all := pages(t)
	for file, text := range all {
		for _, m := range leads.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
			to := m[1] + m[2]
			if strings.Contains(to, "://") || strings.HasPrefix(to, "/.sanmon") || strings.HasPrefix(to, "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(to, "#")
			target := file
			if path != "" {
				target = filepath.Join(filepath.Dir(file), path)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %s leads nowhere", file, to)
			} else if anchor != "" && !anchors(all[target])[anchor] {
				t.Errorf("%s: %s has no such heading", file, to)
			}
		}
	}
}

// A page that the README does not lead to is found by nobody.
func TestEveryPageIsLinked(t *testing.T) {
	all := pages(t)
	for file := range all {
		if to, ok := strings.CutPrefix(file, "../../docs/"); ok && !strings.Contains(to, "/") && !strings.Contains(all["../../README.md"], "(docs/"+to+")") {
			t.Errorf("README.md does not lead to docs/%s", to)
		}
	}
}

// anchors are the names that headings get where the pages are shown.
func anchors(text string) map[string]bool {
	names := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(fence.ReplaceAllString(text, ""), -1) {
		names[strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case unicode.IsLetter(r), unicode.IsDigit(r), r == '-', r == '_':
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])] = true
	}
	return names
}

var (
	written = regexp.MustCompile("(?m)(?:^ {2,4}|`|[|] )sanmon ([a-z][^`|\\n]*)")
	flagged = regexp.MustCompile(`(?:^|[ \[|])(--[a-z][a-z-]*)`)
)

// Every command that a page shows is one, with its flags.
func TestCommandsOfThePagesExist(t *testing.T) {
	root := newRoot(&environment{})
	root.InitDefaultVersionFlag()
	seen := 0
	for file, text := range pages(t) {
		for _, m := range written.FindAllStringSubmatch(text, -1) {
			line, _, _ := strings.Cut(m[1], " #")
			c, rest, err := root.Find(strings.Fields(line))
			if err != nil || c == root || c.HasSubCommands() && len(rest) > 0 && wordly(rest[0]) {
				t.Errorf("%s: there is no command in %q", file, m[0])
				continue
			}
			seen++
			if c.HasSubCommands() {
				continue
			}
			for _, f := range flagged.FindAllStringSubmatch(line, -1) {
				if !hasFlag(c, strings.TrimPrefix(f[1], "--")) {
					t.Errorf("%s: %s has no flag %s, as in %q", file, c.CommandPath(), f[1], m[0])
				}
			}
		}
	}
	if seen < 100 {
		t.Errorf("only %d commands were found", seen)
	}
}

func wordly(s string) bool { return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-") == "" }

func hasFlag(c *cobra.Command, name string) bool {
	c.InitDefaultHelpFlag()
	return c.Flags().Lookup(name) != nil || c.InheritedFlags().Lookup(name) != nil
}

// Every command stands in the table of both READMEs.
func TestReadmesHaveEveryCommand(t *testing.T) {
	all := pages(t)
	var walk func(c *cobra.Command, file string)
	walk = func(c *cobra.Command, file string) {
		for _, sub := range c.Commands() {
			row := regexp.MustCompile("(?m)^\\| .*`" + regexp.QuoteMeta(strings.TrimPrefix(c.CommandPath()+" ", "sanmon ")) + "[a-z/-]*\\b" + sub.Name() + "\\b")
			if c.HasParent() && !row.MatchString(all[file]) || !c.HasParent() && !strings.Contains(all[file], "`"+sub.Name()) {
				t.Errorf("%s has no %s", file, sub.CommandPath())
			}
			walk(sub, file)
		}
	}
	for _, file := range []string{"../../README.md", "../../README.ja.md"} {
		walk(newRoot(&environment{}), file)
	}
}

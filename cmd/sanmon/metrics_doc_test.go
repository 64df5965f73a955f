package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// docs/metrics.md has a row for each metric of the program, and for no other.
func TestEveryMetricIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	told := names(regexp.MustCompile("(?m)^\\| `(sanmon_[a-z_]+)` "), page)
	var made []string
	for _, pattern := range []string{"*.go", "../../internal/metrics/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			if src, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			} else if ok, _ := filepath.Match("*_test.go", filepath.Base(file)); !ok {
				made = append(made, names(regexp.MustCompile(`"(sanmon_[a-z_]+)"`), src)...)
			}
		}
	}
	slices.Sort(made)
	if made = slices.Compact(made); !slices.Equal(told, made) {
		t.Errorf("docs/metrics.md has\n%q\nand the program\n%q", told, made)
	}
}

func names(re *regexp.Regexp, text []byte) []string {
	var all []string
	for _, m := range re.FindAllSubmatch(text, -1) {
		all = append(all, string(m[1]))
	}
	return all
}

// docs/formats.md names each event of the trail.
func TestEveryEventIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/formats.md")
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile("../../audit/audit.go")
	if err != nil {
		t.Fatal(err)
	}
	events := names(regexp.MustCompile(`(?m)^\t\w+ +Name = "([a-z_.]+)"`), src)
	if len(events) < 50 {
		t.Fatalf("only %d events were found", len(events))
	}
	told := names(regexp.MustCompile("`([a-z_.]+)`"), page)
	for _, event := range events {
		if !slices.Contains(told, event) {
			t.Errorf("docs/formats.md does not name %s", event)
		}
	}
}

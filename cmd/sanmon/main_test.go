package main

import (
	"bytes"
	"strings"
	"testing"
)

// A mistyped command is told which one was meant, and both ways of asking for the version
// answer the same.
func TestWordsOfTheCommandLine(t *testing.T) {
	do := func(args ...string) (code int, stdout, stderr string) {
		var out, err bytes.Buffer
		code = run(t.Context(), args, strings.NewReader(""), &out, &err)
		return code, out.String(), err.String()
	}
	for typed, want := range map[string]string{"srve": `did you mean "serve"?`, "key creat": `did you mean "create"?`, "xyz": `"xyz" is no command of "sanmon" (see: sanmon --help)`,
		"init --upstrem http://x": "(did you mean --upstream? see: sanmon init --help)", "check --zebra": "unknown flag: --zebra (see: sanmon check --help)",
		"demo --port abc": `--port: "abc" is not a value of kind int (see: sanmon demo --help)`, "demo --port 99999": "--port 99999 is no port (use 1 to 65534, or 0 for any free one)",
		"serve now": "sanmon serve takes no arguments, and 1 came", "init -c nowhere/sanmon.yaml --upstream 127.0.0.1:8000": `upstream: "127.0.0.1:8000" is not the URL of a backend (write scheme://host`,
		"init -c nowhere/sanmon.yaml --public-url app.example.com": `public URL: "app.example.com" is not an origin (write `} {
		if code, _, stderr := do(strings.Fields(typed)...); code != exitUsage || !strings.Contains(stderr, want) {
			t.Errorf("sanmon %s: exit %d, %q; want %q", typed, code, stderr, want)
		}
	}
	code, flag, _ := do("--version")
	if _, command, _ := do("version"); code != 0 || flag != command || !strings.HasPrefix(flag, "sanmon ") {
		t.Errorf("--version: exit %d, %q; version: %q", code, flag, command)
	}
}

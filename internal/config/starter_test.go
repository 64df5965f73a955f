package config

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What Starter writes is valid, and closed but for static files.
func TestStarterParses(t *testing.T) {
	petstore := []byte(`{"openapi":"3.1.0","servers":[{"url":"https://x.test/api/v1"}],"paths":{
		"/notes/{note-id}":{"parameters":[],"get":{"operationId":"read_note_notes__note_id__get","summary":"Read \"a\"\nnote"},"delete":{"security":[]}},
		"/notes/{other}":{"get":{}},"/files/{p:path}":{"get":{}},"/a%20b":{"get":{}},"/x/{y}.json":{"get":{}},"/q":{"trace":{},"post":{"operationId":"static"}}}}`)
	for name, o := range map[string]StarterOptions{
		"zero":    {},
		"https":   {PublicURL: "https://app.example.com", Upstream: "http://app:8000/"},
		"port":    {PublicURL: "https://localhost:8443", Store: "postgres://sanmon@db/sanmon", MasterKey: "env:SANMON_MASTER"},
		"openapi": {OpenAPI: petstore, OpenAPIURL: "http://127.0.0.1:8000/openapi.json"},
		"empty":   {OpenAPI: []byte(`{"openapi":"3.0.0","paths":{}}`)},
	} {
		src, err := Starter(o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		golden(t, "testdata/starter/"+name+".yaml", string(src))
		c, err := parse("sanmon.yaml", src, now)
		if err != nil || len(c.Warnings) > 0 {
			t.Errorf("%s: %v %v", name, err, c.Warnings)
			continue
		}
		for _, r := range c.Routes {
			if r.Public() && r.ID != "static" {
				t.Errorf("%s: %s is public", name, r.ID)
			}
		}
	}
}

func TestStarterReadsOpenAPI(t *testing.T) {
	found, skipped, err := operations([]byte(`{"openapi":"3.0.3","servers":[{"url":"/api/"}],"paths":{
		"/notes":{"get":{"operationId":"listNotes"},"post":{"operationId":"listNotes"}},"/notes/{note-id}":{"get":{}},"/notes/{x}":{"get":{}},"/notes/{y}":{"head":{},"delete":{}},"/./x":{"get":{}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []operation{
		{"listnotes", "/api/notes", "GET", ""}, {"listnotes-2", "/api/notes", "POST", ""},
		{"get-api-notes-note-id", "/api/notes/{note_id}", "GET", ""}, {"delete-api-notes-y", "/api/notes/{y}", "DELETE", ""},
	}
	if diff := cmp.Diff(want, found, cmp.AllowUnexported(operation{})); diff != "" {
		t.Error(diff)
	}
	if len(skipped) != 3 {
		t.Errorf("skipped: %q", skipped)
	}
}

func TestStarterRefuses(t *testing.T) {
	for _, o := range []StarterOptions{
		{PublicURL: "http://app.example.com"}, {Upstream: "app:8000"}, {Upstream: "http://a/b"}, {MasterKey: "hunter2hunter2"},
		{OpenAPI: []byte(`openapi: 3.0.0`)}, {OpenAPI: []byte(`{"swagger":"2.0"}`)}, {OpenAPI: []byte(`[]`)}, {OpenAPI: make([]byte, MaxOpenAPI+1)},
	} {
		if src, err := Starter(o); err == nil {
			t.Errorf("%+v gave\n%s", o, src)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}

// Whatever an OpenAPI document names its paths, methods and operations, the file
// that is made of it is valid.
func TestStarterIsValidForAnyPath(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		paths := map[string]map[string]map[string]string{}
		for range rapid.IntRange(0, 6).Draw(t, "paths") {
			p := rapid.OneOf(rapid.StringMatching(`(/(\{[a-z:%-]{0,6}\}|[a-z.:*;%é "\\-]{0,6})){0,4}`), rapid.String()).Draw(t, "path")
			m := rapid.SampledFrom([]string{"get", "post", "head", "trace", "GET", "parameters"}).Draw(t, "method")
			paths[p] = map[string]map[string]string{m: {"operationId": rapid.String().Draw(t, "id"), "summary": rapid.String().Draw(t, "summary")}}
		}
		if src, err := Starter(StarterOptions{OpenAPI: encode(map[string]any{"openapi": "3.1.0", "paths": paths})}); err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
	})
}

func FuzzOpenAPI(f *testing.F) {
	f.Add([]byte(`{"openapi":"3.1.0","paths":{"/a/{b}":{"get":{"operationId":"x"}}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if _, _, err := operations(src); err != nil {
			return
		}
		if _, err := Starter(StarterOptions{OpenAPI: src}); err != nil {
			t.Fatal(err)
		}
	})
}

// golden compares with a file, or writes it with UPDATE_GOLDEN=1.
func golden(t *testing.T, path, got string) {
	t.Helper()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", path, diff)
	}
}

package config

import (
	"net/url"
	"strings"

	"github.com/sanmon-gate/sanmon/keys/source"
)

// secretRef is a reference to a secret: the file says where it is, never what.
func secretRef() scalar {
	want := "write where it is: env:NAME, file:PATH or cred:NAME"
	return scalar{name: "reference", want: want, schema: map[string]any{"pattern": reference.String()}, parse: func(s string) (any, error) {
		switch {
		case !reference.MatchString(s):
			return nil, wrong{"a secret must not be written in clear", want}
		case strings.HasPrefix(s, "file:"), strings.HasPrefix(s, "env:"), strings.HasPrefix(s, "cred:"):
			return s, nil
		}
		if err := source.Valid(s); err != nil {
			return nil, wrong{"the reference cannot be followed", err.Error()}
		}
		return s, nil
	}}
}

// filePath is a path; relative ones are relative to the configuration file.
func filePath() scalar {
	want := "write a path; relative ones start at the directory of this file"
	return scalar{name: "file", want: want, parse: func(s string) (any, error) {
		if strings.TrimSpace(s) != s || s == "" || strings.HasSuffix(s, "/") || strings.Contains(s, "://") {
			return nil, wrong{show(s) + " is not the path of a file", want}
		}
		return s, nil
	}}
}

// storeAddress is sqlite:PATH or a postgres URL. A password in it is refused: the
// address appears in logs and in the output of sanmon check.
func storeAddress() scalar {
	want := "write sqlite:PATH or postgres://USER@HOST/DATABASE"
	return scalar{name: "store address", want: want, parse: func(s string) (any, error) {
		if path, ok := strings.CutPrefix(s, "sqlite:"); ok {
			if path == "" || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "?#") || strings.HasSuffix(path, "/") {
				return nil, wrong{show(s) + " does not name a database file", "write sqlite:PATH, like sqlite:./data/sanmon.db"}
			}
			return Reference{Driver: "sqlite", Address: path}, nil
		}
		if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
			return postgresAddress(s)
		}
		return nil, wrong{show(s) + " is not a store address", want}
	}}
}

func postgresAddress(s string) (any, error) {
	remedy := "store: { url: postgres://USER@HOST/DATABASE, password: env:PGPASSWORD }"
	u, err := url.Parse(s)
	if err != nil { // its text may quote the password
		return nil, wrong{"the postgres URL cannot be read", "write postgres://USER@HOST/DATABASE"}
	}
	if _, in := u.User.Password(); in {
		return nil, wrong{"a password must not be written in clear", remedy}
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return nil, wrong{"the parameters of the postgres URL cannot be read", "write ?name=value&name=value"}
	}
	for name := range query {
		if secretName(name) || strings.EqualFold(name, "sslpassword") {
			return nil, wrong{"a password must not be written in clear", remedy}
		}
	}
	if u.Fragment != "" || strings.Trim(u.Path, "/") == "" {
		return nil, wrong{show(s) + " does not name a database", "write postgres://USER@HOST/DATABASE"}
	}
	return Reference{Driver: "postgres", Address: s}, nil
}

// openAPI is where the description of a backend is: a URL or a file.
func openAPI() scalar {
	want := "write a URL or the path of a file"
	return scalar{name: "location", want: want, parse: func(s string) (any, error) {
		if strings.Contains(s, "://") && !looseURL(s) || s == "" {
			return nil, wrong{show(s) + " is not the location of an OpenAPI document", want}
		}
		return s, nil
	}}
}

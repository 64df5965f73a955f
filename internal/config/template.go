package config

import (
	"fmt"
	"regexp"
	"strings"
)

var parameter = regexp.MustCompile(`^\{([A-Za-z_][A-Za-z0-9_]*)(\.\.\.)?\}$`)

// template is a path of literal segments, {name} and a last {rest...}.
func template() scalar {
	return scalar{name: "path template", want: `write a path such as "/notes/{id}", in quotes`, schema: map[string]any{"pattern": "^/"}, parse: func(s string) (any, error) {
		if err := checkTemplate(s); err != nil {
			return nil, err
		}
		return s, nil
	}}
}

// reserved are the paths that Sanmon itself answers (DESIGN §4).
func reserved(path string) bool {
	return path == "/.sanmon" || strings.HasPrefix(path, "/.sanmon/") ||
		path == "/.well-known/oauth-authorization-server" || path == "/.well-known/openid-configuration"
}

func checkTemplate(s string) error {
	switch {
	case !strings.HasPrefix(s, "/"):
		return wrong{show(s) + " does not start with /", "write the whole path"}
	case len(s) > 1024:
		return wrong{"the path template is longer than 1024 bytes", "shorten it"}
	case reserved(s):
		return wrong{show(s) + " is answered by Sanmon itself", "choose another path"}
	}
	segments := strings.Split(s[1:], "/")
	seen := map[string]bool{}
	for i, segment := range segments {
		last := i == len(segments)-1
		if segment == "" && !last {
			return wrong{show(s) + " contains //", "a path with an empty segment is never forwarded; remove it"}
		}
		if err := checkSegment(segment, last, seen); err != nil {
			return err
		}
	}
	return nil
}

func checkSegment(segment string, last bool, seen map[string]bool) error {
	if m := parameter.FindStringSubmatch(segment); m != nil {
		switch {
		case m[2] != "" && !last:
			return wrong{show(segment) + " is not at the end", "{name...} is everything below and can only come last"}
		case seen[m[1]]:
			return wrong{fmt.Sprintf("two parameters have the name %q", m[1]), "rename one"}
		}
		seen[m[1]] = true
		return nil
	}
	switch {
	case strings.ContainsAny(segment, "{}"):
		return wrong{show(segment) + " is neither literal nor a parameter", "a parameter is a whole segment, {name}, of letters, digits and _"}
	case segment == "." || segment == "..":
		return wrong{"the path template has a dot segment", "write the path that it stands for"}
	case strings.HasPrefix(segment, ":") || strings.ContainsAny(segment, "*<>"): // Express, globs, Django and Flask
		return wrong{show(segment) + " is not how a parameter is written", "{name} for a segment, {rest...} for everything below"}
	case strings.Contains(segment, "%"):
		return wrong{show(segment) + " is encoded", "write the character itself: templates are compared with the decoded path"}
	}
	for _, c := range segment {
		if strings.ContainsRune(`;\?#`, c) || unprintable(c) {
			return wrong{fmt.Sprintf("%s contains %q", show(segment), c), "such a path is never forwarded to a backend; remove it"}
		}
	}
	return nil
}

// rank is what makes two templates equal: their literals and the places of their
// parameters, whatever the names.
func rank(template string) string {
	segments := strings.Split(template, "/")
	for i, segment := range segments {
		if m := parameter.FindStringSubmatch(segment); m != nil {
			segments[i] = "{" + m[2] + "}"
		}
	}
	return strings.Join(segments, "/")
}

// method is an HTTP method that a backend may get. Names are case-sensitive
// (RFC 9110, Section 9.1): a route for "get" would match nothing.
func method() scalar {
	known := []string{"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "QUERY",
		"PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "REPORT", "SEARCH"}
	s := enum("method", known...)
	s.parse = func(text string) (any, error) {
		upper := strings.ToUpper(text)
		switch {
		case text == "TRACE" || text == "CONNECT":
			return nil, wrong{text + " is never forwarded", "remove it"}
		case text != upper && contains(known, upper):
			return nil, wrong{show(text) + " is not in upper case", "write " + upper}
		case !contains(known, text):
			return nil, wrong{show(text) + " is not a method", "write one of: " + strings.Join(known, ", ")}
		}
		return text, nil
	}
	return s
}

// matchHost is host[:port] as browsers send it.
func matchHost() scalar {
	want := "write the host as browsers send it, in lower case, like api.example.com or localhost:8080"
	return scalar{name: "host", want: want, parse: func(s string) (any, error) {
		if _, _, ok := splitHost(s); !ok {
			return nil, wrong{show(s) + " is not a host", want}
		}
		return s, nil
	}}
}

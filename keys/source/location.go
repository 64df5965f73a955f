package source

import (
	"errors"
	"fmt"
	"strings"
)

// Location is where a secret is that lies elsewhere: what stands behind the scheme of
// vault://, awssm:// and gcpsm://.
type Location struct {
	Path   string            // without a slash at either end
	Field  string            // of a value with several: behind #; "" the whole value
	Params map[string]string // behind ?, on either side of the field
}

// maxLocation bounds a reference, in bytes.
const maxLocation = 2048

// parseLocation reads PATH[#FIELD][?NAME=VALUE[&…]]; the parameters may stand before the
// field as well. There is no escaping: names of secrets need none.
func parseLocation(s string) (Location, error) {
	l := Location{Params: map[string]string{}}
	if len(s) > maxLocation || strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '%' || r == '\\' }) {
		return l, errors.New("a reference has printable ASCII without blanks, % and \\ only")
	}
	path, field, hasField := strings.Cut(s, "#")
	path, before, _ := strings.Cut(path, "?")
	field, after, _ := strings.Cut(field, "?")
	if hasField && field == "" || strings.Contains(field, "#") {
		return l, errors.New("the name of the field behind # is missing, or there are two")
	}
	l.Path, l.Field = path, field
	for _, part := range []string{before, after} {
		for pair := range strings.SplitSeq(part, "&") {
			name, value, ok := strings.Cut(pair, "=")
			if _, twice := l.Params[name]; pair != "" && (!ok || name == "" || value == "" || twice) {
				return l, errors.New("parameters behind ? are written name=value, each once")
			}
			if pair != "" {
				l.Params[name] = value
			}
		}
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." {
			return l, errors.New("the path has an empty segment, . or .. in it")
		}
	}
	return l, nil
}

// only refuses parameters that a scheme does not have: a typing error must not be ignored.
func (l Location) only(names ...string) error {
	for name := range l.Params {
		known := false
		for _, n := range names {
			known = known || n == name
		}
		if !known {
			return fmt.Errorf("there is no parameter of that name (known here: %s)", strings.Join(names, ", "))
		}
	}
	return nil
}

// digits reports whether a parameter is left out or a number.
func (l Location) digits(name string) bool {
	v, ok := l.Params[name]
	return !ok || v != "" && len(v) < 10 && strings.Trim(v, "0123456789") == ""
}

// parseVault reads vault://MOUNT/PATH#FIELD[?version=N][&kv=1].
func parseVault(s string) (Location, error) {
	l, err := parseLocation(s)
	if err == nil {
		err = l.only("version", "kv")
	}
	switch {
	case err != nil:
	case !strings.Contains(l.Path, "/") || l.Field == "":
		err = errors.New("write vault://MOUNT/PATH#FIELD, as in vault://secret/app/db#password")
	case !l.digits("version"):
		err = errors.New("version is a number")
	case l.Params["kv"] != "" && l.Params["kv"] != "1" && l.Params["kv"] != "2":
		err = errors.New("kv is 1 or 2")
	case l.Params["kv"] == "1" && l.Params["version"] != "":
		err = errors.New("there are no versions with kv=1")
	}
	return l, err
}

// parseAWS reads awssm://NAME-OR-ARN[#KEY][?region=R][&stage=S].
func parseAWS(s string) (Location, error) {
	l, err := parseLocation(s)
	if err == nil {
		err = l.only("region", "stage")
	}
	if err == nil && strings.Trim(l.Params["region"], "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		err = errors.New("region is a name such as eu-central-1") // it becomes part of a host name
	}
	return l, err
}

// parseGCP reads gcpsm://projects/P/secrets/S[/versions/V][#KEY].
func parseGCP(s string) (Location, error) {
	l, err := parseLocation(s)
	if err == nil {
		err = l.only()
	}
	if err != nil {
		return l, err
	}
	p := strings.Split(l.Path, "/")
	if len(p) != 4 && len(p) != 6 || p[0] != "projects" || p[2] != "secrets" || len(p) == 6 && p[4] != "versions" ||
		strings.ContainsFunc(l.Path, func(r rune) bool {
			return !strings.ContainsRune(":-_./", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		}) {
		return l, errors.New("write gcpsm://projects/PROJECT/secrets/NAME, with /versions/N for one that is not the latest")
	}
	return l, nil
}

package headers

import (
	"strings"

	"github.com/sanmon-gate/sanmon/refusal"
)

// Reserved reports whether a cookie name is one of ours: "__Host-sanmon", "sanmon", and
// what starts with either and "-". Case does not matter, because some browsers match the
// prefixes without regard to it.
func Reserved(name string) bool {
	const host, plain = "__host-", "sanmon"
	if len(name) >= len(host) && strings.EqualFold(name[:len(host)], host) {
		name = name[len(host):]
	}
	return len(name) >= len(plain) && strings.EqualFold(name[:len(plain)], plain) &&
		(len(name) == len(plain) || name[len(plain)] == '-')
}

// StripCookies returns the value of a request's Cookie field without the cookies whose
// names are reserved; "" says that the field has nothing left. A line without such
// cookies comes back byte for byte. A piece without "=" counts as a name too, since
// servers disagree about which half of the pair it is, and so does every name that some
// server would read in a piece: see names.
func StripCookies(line string, reserved func(name string) bool) string {
	if !anyCookie(line, reserved) {
		return line
	}
	var kept strings.Builder
	for rest, more := line, true; more; {
		var piece string
		piece, rest, more = strings.Cut(rest, ";")
		if names(piece, reserved) {
			continue
		}
		if kept.Len() > 0 {
			kept.WriteByte(';')
		} else {
			kept.Grow(len(line))
		}
		kept.WriteString(piece)
	}
	return strings.Trim(kept.String(), " \t")
}

func anyCookie(line string, is func(name string) bool) bool {
	for more := true; more; {
		var piece string
		piece, line, more = strings.Cut(line, ";")
		if names(piece, is) {
			return true
		}
	}
	return false
}

// names reports whether a server may read a cookie whose name is reserved in a piece between
// two ";". Browsers know space and tab around a name; Python strips every Unicode space,
// http.cookies of Python ends a value at a space, readers of RFC 2109 at a comma.
func names(piece string, reserved func(name string) bool) bool {
	name, rest, more := strings.Cut(piece, "=")
	if reserved(lastWord(name)) || reserved(strings.Trim(name, " \t")) {
		return true
	}
	for more {
		i := 0
		for i < len(rest) && !divides(rest[i]) {
			i++
		}
		if name, rest, more = strings.Cut(rest[i:], "="); more && reserved(lastWord(name)) {
			return true
		}
	}
	return false
}

// lastWord is the end of s as far back as nothing divides it.
func lastWord(s string) string {
	end := len(s)
	for end > 0 && divides(s[end-1]) {
		end--
	}
	begin := end
	for begin > 0 && !divides(s[begin-1]) {
		begin--
	}
	return s[begin:end]
}

// divides reports whether a byte is part of no cookie's name that is reserved, and may be a
// space, or a part of one, or the end of a cookie, to some server.
func divides(c byte) bool { return c <= ' ' || c >= 0x7f || c == '"' || c == ',' }

// Cookie returns the value of the named cookie in the values of a request's Cookie field,
// "" where it is absent or empty. The same name twice with different values is refused as
// credential_ambiguous: which of the two a server takes depends on the server.
func Cookie(values []string, name string) (value string, err error) {
	found := false
	for _, line := range values {
		for more := true; more; {
			var piece string
			piece, line, more = strings.Cut(line, ";")
			n, v, named := strings.Cut(piece, "=")
			if !named || strings.Trim(n, " \t") != name {
				continue
			}
			v = strings.Trim(v, " \t")
			if found && v != value {
				return "", refusal.New(refusal.CredentialAmbiguous,
					"the cookie %s comes with two values (delete the site's cookies and sign in again)", name)
			}
			found, value = true, v
		}
	}
	return value, nil
}

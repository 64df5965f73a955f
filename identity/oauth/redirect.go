package oauth

import (
	"errors"
	"net/url"
	"strings"
)

const maxRedirect = 512

// CheckRedirectURI says whether an address may be registered: absolute, without fragment
// or user, in characters of an URI alone (RFC 6749, Section 3.1.2). https goes anywhere,
// http to loopback only, and a scheme of an app's own has the form of a reversed domain
// name (RFC 8252, Section 7.1), which keeps javascript: and its kind out.
func CheckRedirectURI(uri string) error {
	if uri == "" || len(uri) > maxRedirect || !uriCharacters(uri) {
		return errors.New("is empty, too long, or has characters that no address has")
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme == "" || strings.ContainsAny(uri, "#*") || u.User != nil {
		return errors.New("is not absolute, has a fragment, a user or a '*', or cannot be read")
	}
	switch scheme := strings.ToLower(u.Scheme); {
	case scheme == "https" && u.Host != "":
	case scheme == "http" && loopback(u.Hostname()):
	case scheme == "http" || scheme == "https":
		return errors.New("goes over plain http to another machine, or has no host")
	case !strings.Contains(scheme, "."):
		return errors.New("has a scheme that other apps may claim (use a reversed domain name: com.example.app)")
	}
	return nil
}

func uriCharacters(s string) bool {
	for i := range len(s) {
		if s[i] <= 0x20 || s[i] >= 0x7f || strings.IndexByte("\"<>\\^`{|}", s[i]) >= 0 {
			return false
		}
	}
	return true
}

func loopback(host string) bool { return host == "127.0.0.1" || host == "::1" || host == "localhost" }

// sameRedirect compares byte for byte (RFC 9700, Section 4.1.3). Of the loopback
// addresses, which an app listens at for the moment, the port may be any (RFC 8252,
// Section 7.3); "localhost" is no such address (Section 8.3).
func sameRedirect(registered, presented string) bool {
	return registered == presented || portless(registered) != "" && portless(registered) == portless(presented)
}

// portless is a loopback address without its port; "" for everything else.
func portless(uri string) string {
	for _, base := range [...]string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(uri, base)
		if !ok {
			continue
		}
		if after, hasPort := strings.CutPrefix(rest, ":"); hasPort {
			digits := 0
			for digits < len(after) && after[digits] >= '0' && after[digits] <= '9' {
				digits++
			}
			if !port(after[:digits]) {
				return ""
			}
			rest = after[digits:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return base + rest
		}
	}
	return ""
}

// port reports whether s is a decimal number from 1 to 65535 without leading zeros.
func port(s string) bool {
	if s == "" || len(s) > 5 || s[0] == '0' {
		return false
	}
	return len(s) < 5 || s <= "65535"
}

// withParameters adds an answer to a redirect address, which keeps its own query
// (RFC 6749, Section 3.1.2).
func withParameters(uri string, answer url.Values) string {
	separator := "?"
	if strings.Contains(uri, "?") {
		separator = "&"
	}
	return uri + separator + answer.Encode()
}

package nature

import (
	"net/url"
	"strings"
)

// FilterURL returns address when it is safe to follow: absolute, of http, https or
// mailto, and with nothing that browsers and parsers read differently. Else it returns
// "". A relative address is none: data does not know which page it will stand on.
func FilterURL(address string) string {
	for i := range len(address) {
		if c := address[i]; c <= ' ' || c == 0x7f || strings.IndexByte("\"'<>\\^`{|}", c) >= 0 {
			// Browsers drop tabs and line breaks inside and trim around (URL Standard,
			// Section 4.4); the rest does not belong into a URL (RFC 3986, Section 2).
			return ""
		}
	}
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Scheme { // url.Parse writes it in lower case
	case "http", "https":
		if u.Host == "" || u.Opaque != "" {
			return ""
		}
	case "mailto":
		if u.Opaque == "" {
			return ""
		}
	default:
		return ""
	}
	return address
}

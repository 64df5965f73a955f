package target

// checkQuery refuses what is no printable ASCII, "#" (RFC 3986, Section 3.4; browsers cut
// it, so it comes from elsewhere) and a "%" without two hexadecimal digits: Go drops such
// a parameter, Python keeps it as text. Everything else is data. The gate never routes by
// the query; whoever looks for a parameter in it must know that some parsers split at ";"
// as well as at "&" (CVE-2021-23336 of CPython).
func checkQuery(q string) error {
	for i := 0; i < len(q); i++ {
		switch c := q[i]; {
		case c <= ' ' || c >= 0x7f || c == '#':
			return ambiguous("byte %d of the query is %#02x, which must be percent-encoded", i, c)
		case c == '%':
			if i+2 >= len(q) || !isHex(q[i+1]) || !isHex(q[i+2]) {
				return ambiguous("byte %d of the query is a %% without two hexadecimal digits (write %%25)", i)
			}
			i += 2
		}
	}
	return nil
}

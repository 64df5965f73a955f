package target

import "github.com/sanmon-gate/sanmon/refusal"

// maxMethod is the longest method name that is read; gunicorn takes 20.
const maxMethod = 32

// checkMethod refuses what is no method token (RFC 9110, Section 9.1), TRACE (it echoes
// credentials) and CONNECT (it makes a tunnel). A method with a lower-case letter is
// refused because it is read two ways: methods are case-sensitive, yet gunicorn before
// 22 passes "get" on as GET.
func checkMethod(method string) error {
	if method == "" || len(method) > maxMethod {
		return ambiguous("the method has %d characters, want 1 to %d", len(method), maxMethod)
	}
	for i := 0; i < len(method); i++ {
		if !methodByte(method[i]) {
			return ambiguous("the method has the byte %#02x (write it in capitals)", method[i])
		}
	}
	if method == "TRACE" || method == "CONNECT" {
		return refusal.New(refusal.MethodNotAllowed, "%s is never served", method)
	}
	return nil
}

// methodByte reports whether c is a tchar (RFC 9110, Section 5.6.2) and no small letter.
func methodByte(c byte) bool {
	switch {
	case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		return true
	}
	switch c {
	case '!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~':
		return true
	}
	return false
}

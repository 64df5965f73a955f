package redact

import "github.com/sanmon-gate/sanmon/secret"

// cut is a credential in a text: what stands in b[start:end], and what to write
// instead. Nothing to write instead means that nothing was found.
type cut struct {
	start, end int
	with       string
}

// none is no cut.
func none() cut { return cut{} }

func found(start, end int) cut { return cut{start, end, secret.Redacted} }

// Line returns b without credentials: b itself when there are none, for which
// nothing is allocated, else a new slice. It takes time linear in b. b is one line
// or several whole ones; what is cut in two between calls is not seen.
func Line(b []byte) []byte {
	var out []byte
	done := 0
	for at := 0; at < len(b); at++ {
		detect := triggers[b[at]]
		if detect == 0 {
			continue
		}
		c := look(b, at, done, detect)
		if c.with == "" || c.start < done {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(b)+len(b)/4)
		}
		out = append(append(out, b[done:c.start]...), c.with...)
		done = c.end
		at = c.end - 1
	}
	if out == nil {
		return b
	}
	return append(out, b[done:]...)
}

// detector is one of the detectors, by the byte that wakes it.
type detector uint8

const (
	wakeKey     detector = iota + 1 // '_'
	wakePercent                     // '%'
	wakeEqual                       // '='
	wakeColon                       // ':'
	wakeBlank                       // ' ' and '+'
	wakeJWT                         // 'J'
	wakePEM                         // '-'
	wakeBase64                      // 'X', 'N', 'W'
	wakeHex                         // 'f' and 'F' of the hexadecimal '_'
)

// triggers says which byte wakes which detector. It is never changed.
var triggers = [256]detector{
	'_': wakeKey, '%': wakePercent, '=': wakeEqual, ':': wakeColon, ' ': wakeBlank, '+': wakeBlank, ',': wakeBlank,
	'J': wakeJWT, '-': wakePEM, 'X': wakeBase64, 'N': wakeBase64, 'W': wakeBase64, 'f': wakeHex, 'F': wakeHex,
}

// look asks the detector. done is where the part that was written already ends.
func look(b []byte, at, done int, d detector) cut {
	switch d {
	case wakeKey:
		return rawKey(b, at)
	case wakePercent:
		return percent(b, at, done)
	case wakeEqual:
		return assigned(b, at, at+1, false)
	case wakeColon:
		return colon(b, at)
	case wakeBlank:
		return blank(b, at)
	case wakeJWT:
		return jwt(b, at)
	case wakePEM:
		return pem(b, at)
	case wakeBase64:
		return base64Key(b, at)
	case wakeHex:
		return hexKey(b, at)
	}
	return none()
}

package wire

import "github.com/sanmon-gate/sanmon/internal/octets"

// chunkSize judges a chunk-size line (RFC 9112, Section 7.1): hex digits, then
// nothing or extensions. White space before the semicolon, which RFC 9112 lets a
// reader tolerate, is refused.
func (j *judge) chunkSize(l []byte) *violation {
	n := 0
	j.left = 0
	for n < len(l) && octets.Unhex(l[n]) >= 0 {
		if n == maxHex {
			return framing("a chunk size is too large [send smaller chunks]")
		}
		j.left = j.left<<4 | int64(octets.Unhex(l[n]))
		n++
	}
	rest := l[n:]
	switch {
	case n == 0 || len(rest) > 0 && rest[0] != ';':
		return framing("a chunk size is not a hex number [send digits, then CRLF]")
	case len(rest) > 1+maxExtension:
		return j.tooLong()
	case octets.Controlled(rest):
		return framing("a chunk extension has a control byte [remove it]")
	case j.left == 0:
		j.phase, j.size, j.lines = inTrailer, 0, 0
	default:
		j.phase = inChunkData
	}
	return nil
}

// trailerLine judges one line behind the last chunk.
func (j *judge) trailerLine(l []byte) *violation {
	if len(l) == 0 {
		j.phase = atStart
		return nil
	}
	if _, _, why := fieldLine(l); why != "" {
		return framing(why)
	}
	return nil
}

package wire

import (
	"bytes"

	"github.com/sanmon-gate/sanmon/refusal"

	"github.com/sanmon-gate/sanmon/internal/octets"
)

// The sizes that a message may have around its body.
const (
	maxLines     = 100     // field lines of a head
	maxExtension = 256     // bytes of the extensions of one chunk
	maxHex       = 15      // digits of a chunk size: below 2^60
	maxTrailer   = 4 << 10 // bytes of a trailer section; net/http reads no longer one
)

// violation is why a stream of bytes is not a sequence of HTTP/1.x requests that
// everybody reads alike.
type violation struct {
	code   refusal.Code
	reason string
	body   bool // in the framing of a body: a handler is reading it
}

func (v *violation) refusal() *refusal.Refusal {
	return &refusal.Refusal{Code: v.code, Reason: v.reason}
}

func header(reason string) *violation {
	return &violation{code: refusal.HeaderAmbiguous, reason: reason}
}

func target(reason string) *violation {
	return &violation{code: refusal.TargetAmbiguous, reason: reason}
}

func framing(reason string) *violation {
	return &violation{code: refusal.HeaderAmbiguous, reason: reason, body: true}
}

// phase is what the next byte belongs to.
type phase uint8

const (
	atStart     phase = iota // the first byte of a request
	inRequest                // the request line
	inFields                 // a field line, or the end of the head
	inBody                   // left bytes of a body with Content-Length
	inChunkSize              // a chunk-size line
	inChunkData              // left bytes of a chunk
	inChunkEnd               // the CRLF behind a chunk
	inTrailer                // a trailer line, or the end of the body
)

// judge follows the framing of one connection (RFC 9112). It looks at bytes where
// they lie; only a line that is split over reads is copied. The verdict does not
// depend on how the bytes are split. It is not safe for concurrent use.
type judge struct {
	maxHead int

	phase phase
	carry []byte // the beginning of a line that is not complete
	size  int    // bytes of the head or trailer so far, without carry
	lines int
	left  int64 // of the body or chunk
	head  head
}

// feed judges the next bytes. It returns how many of them may be read: all, or on
// a violation those before the request that is at fault (before the line at fault,
// where a body's framing is). After a violation feed must not be called again.
func (j *judge) feed(p []byte) (good int, v *violation) {
	mark := 0 // where what cannot be delivered in part began
	for i := 0; i < len(p); {
		switch j.phase {
		case inBody, inChunkData:
			i += j.skip(len(p) - i)
			mark = i
			continue
		case atStart:
			if mark = i; !octets.IsToken(p[i]) {
				return mark, header("a request begins with a byte that no method begins with [send requests back to back, without empty lines]")
			}
			j.begin()
		case inChunkSize, inChunkEnd, inTrailer:
			mark = i
		}
		n := bytes.IndexByte(p[i:], '\n') + 1
		if n == 0 {
			if v := j.keep(p[i:]); v != nil {
				return mark, v
			}
			return len(p), nil
		}
		if v := j.line(p[i : i+n]); v != nil {
			return mark, v
		}
		i += n
	}
	return len(p), nil
}

// skip moves over up to n bytes of a body and returns over how many.
func (j *judge) skip(n int) int {
	if int64(n) < j.left {
		j.left -= int64(n)
		return n
	}
	n = int(j.left)
	j.left = 0
	if j.phase == inChunkData {
		j.phase = inChunkEnd
	} else {
		j.phase = atStart
	}
	return n
}

func (j *judge) begin() {
	j.phase, j.size, j.lines, j.head = inRequest, 0, 0, head{}
}

// room is how long the current line may be, its end included.
func (j *judge) room() int {
	switch j.phase {
	case inChunkSize:
		return maxHex + 1 + maxExtension + 2
	case inChunkEnd:
		return 2
	case inTrailer:
		return maxTrailer - j.size
	}
	return j.maxHead - j.size
}

func (j *judge) tooLong() *violation {
	switch j.phase {
	case inChunkSize:
		return framing("a chunk-size line is too long [send chunk extensions of at most 256 bytes, or none]")
	case inChunkEnd:
		return framing("a chunk does not end with CRLF where its size says [send chunks of the announced size]")
	case inTrailer:
		return framing("the trailer section is too long [send at most 4 KiB of trailers]")
	}
	return header("the head is too long [send a shorter address or less header]")
}

// keep stores the beginning of a line.
func (j *judge) keep(part []byte) *violation {
	if len(j.carry)+len(part) >= j.room() {
		return j.tooLong()
	}
	j.carry = append(j.carry, part...)
	return nil
}

// line judges one line that ends with LF.
func (j *judge) line(l []byte) *violation {
	if len(j.carry)+len(l) > j.room() {
		return j.tooLong()
	}
	if len(j.carry) > 0 {
		j.carry = append(j.carry, l...)
		l, j.carry = j.carry, j.carry[:0]
		if cap(j.carry) > 4<<10 {
			j.carry = nil // do not let one long line hold memory for as long as the connection lives
		}
	}
	j.size += len(l)
	if len(l) < 2 || l[len(l)-2] != '\r' {
		return j.fault("a line ends with LF alone [end lines with CRLF]") // RFC 9112, Section 2.2
	}
	return j.content(l[:len(l)-2])
}

// content judges a line without its end.
func (j *judge) content(l []byte) *violation {
	switch j.phase {
	case inRequest:
		j.phase = inFields
		return j.head.request(l)
	case inFields:
		if len(l) == 0 {
			return j.endHead()
		}
		if j.lines++; j.lines > maxLines {
			return header("the head has more than 100 field lines [send fewer]")
		}
		return j.head.field(l)
	case inChunkSize:
		return j.chunkSize(l)
	case inChunkEnd:
		j.phase = inChunkSize
		if len(l) != 0 {
			return j.tooLong()
		}
		return nil
	default:
		return j.trailerLine(l)
	}
}

// fault is a violation of whatever the current line belongs to.
func (j *judge) fault(reason string) *violation {
	if j.phase >= inBody {
		return framing(reason)
	}
	return header(reason)
}

func (j *judge) endHead() *violation {
	h := &j.head
	switch {
	case !h.host && !h.http10:
		return header("the request has no Host [send one; RFC 9112, Section 3.2]")
	case h.chunked:
		j.phase = inChunkSize
	case h.length > 0:
		j.phase, j.left = inBody, h.length
	default:
		j.phase = atStart
	}
	return nil
}

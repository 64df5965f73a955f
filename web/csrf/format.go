package csrf

import (
	"encoding/base64"
	"encoding/binary"
	"math"
	"time"
)

// A token is text of the alphabet [A-Za-z0-9_.]:
//
//	LETTER KID "." BASE64
//
// LETTER is the kind (s, p, o), KID the key's version in decimal without leading zeros,
// BASE64 (RFC 4648 with "." for "-", no padding, unused bits zero) holds
//
//	session, page   mask[16] masked[16]                       32 bytes, 43 characters
//	once            nonce[16] seconds[6] mask[16] masked[16]  54 bytes, 72 characters
//
// where masked = mask XOR the first 16 bytes of the MAC. None of these characters can end an
// HTML attribute, a comment or a string in which the token is put by mistake.
const (
	macSize    = 16 // HMAC-SHA-256 truncated to 128 bits (RFC 2104, Section 5: at least half, and 80 bits)
	nonceSize  = 16
	timeSize   = 6
	plainSize  = 2 * macSize
	onceSize   = nonceSize + timeSize + plainSize
	maxKID     = 10 // digits of the largest int32
	maxOnceLen = 1 + maxKID + 1 + onceSize*8/6
	// MaxLength is the length of the longest token in bytes.
	MaxLength = maxOnceLen
)

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

var encoding = base64.NewEncoding(alphabet).WithPadding(base64.NoPadding).Strict()

// wire is one token taken apart.
type wire struct {
	kind    Kind
	version int // of the key
	nonce   [nonceSize]byte
	issued  [timeSize]byte // big-endian seconds since 1970
	mask    [macSize]byte
	masked  [macSize]byte
}

// append writes the token in its only spelling.
func (t *wire) append(dst []byte) []byte {
	dst = append(dst, t.kind.letter())
	dst = appendDecimal(dst, t.version)
	dst = append(dst, '.')
	var raw [onceSize]byte
	n := 0
	if t.kind == Once {
		n += copy(raw[n:], t.nonce[:])
		n += copy(raw[n:], t.issued[:])
	}
	n += copy(raw[n:], t.mask[:])
	n += copy(raw[n:], t.masked[:])
	return encoding.AppendEncode(dst, raw[:n])
}

func appendDecimal(dst []byte, v int) []byte {
	if v >= 10 {
		dst = appendDecimal(dst, v/10)
	}
	return append(dst, byte('0'+v%10))
}

// parse takes a token apart. It accepts exactly what append writes.
func parse(token string) (wire, bool) {
	var t wire
	if len(token) == 0 || len(token) > MaxLength {
		return t, false
	}
	for k := Session; k <= Once; k++ {
		if k.letter() == token[0] {
			t.kind = k
		}
	}
	version, rest, ok := parseKID(token[1:])
	if t.kind == 0 || !ok {
		return t, false
	}
	t.version = version
	size := plainSize
	if t.kind == Once {
		size = onceSize
	}
	// The length is checked before and after, because base64 skips line breaks.
	if len(rest) != encoding.EncodedLen(size) {
		return t, false
	}
	var text [onceSize * 8 / 6]byte
	var raw [onceSize]byte
	n, err := encoding.Decode(raw[:], text[:copy(text[:], rest)])
	if err != nil || n != size {
		return t, false
	}
	b := raw[:n]
	if t.kind == Once {
		b = b[copy(t.nonce[:], b):]
		b = b[copy(t.issued[:], b):]
	}
	b = b[copy(t.mask[:], b):]
	copy(t.masked[:], b)
	return t, true
}

// parseKID reads 1…2147483647 without leading zeros, and the dot.
func parseKID(s string) (version int, rest string, ok bool) {
	i := 0
	for ; i < len(s) && i < maxKID && s[i] >= '0' && s[i] <= '9'; i++ {
		version = version*10 + int(s[i]-'0')
	}
	if i == 0 || s[0] == '0' || i >= len(s) || s[i] != '.' || version > math.MaxInt32 {
		return 0, "", false
	}
	return version, s[i+1:], true
}

func (t *wire) setTime(at time.Time) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], uint64(max(at.Unix(), 0)))
	copy(t.issued[:], b[8-timeSize:])
}

func (t *wire) time() time.Time {
	var b [8]byte
	copy(b[8-timeSize:], t.issued[:])
	return time.Unix(int64(binary.BigEndian.Uint64(b[:])), 0)
}

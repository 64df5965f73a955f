package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// params are the costs of argon2id (RFC 9106, Section 3.1).
type params struct {
	memory  uint32 // KiB
	time    uint32 // passes
	threads uint8
}

// standard is t=2, m=19 MiB, p=1 (ASVS 5.0, Appendix C.3; OWASP Password Storage
// Cheat Sheet).
var standard = params{memory: 19456, time: 2, threads: 1}

// ceiling bounds what a stored hash may cost: whoever can write the store must not
// be able to stop the gate with one row. It admits the RFC's own second choice,
// 64 MiB and 4 lanes.
var ceiling = params{memory: 131072, time: 10, threads: 4}

const (
	saltSize           = 16
	tagSize            = 32
	minSalt, maxSalt   = 8, 64
	minTag, maxTag     = 16, 64
	maxPHC             = 512
	scheme, phcVersion = "argon2id", "v=19"
)

// errFormat says that a stored hash is none. It never quotes it.
var errFormat = errors.New("stored password hash is malformed (reset the password)")

// phc is a parsed PHC string.
type phc struct {
	params
	salt, tag []byte
}

// strict is base64 as PHC strings use it: no padding, one form per value.
var strict = base64.RawStdEncoding.Strict()

// parse reads $argon2id$v=19$m=…,t=…,p=…$salt$tag and nothing else: the parameters
// in this order, no others, numbers without sign or leading zero
// (PHC string format, as argon2's reference implementation writes it).
func parse(s string) (phc, error) {
	if len(s) > maxPHC {
		return phc{}, errFormat
	}
	f := strings.Split(s, "$")
	if len(f) != 6 || f[0] != "" || f[2] != phcVersion {
		return phc{}, errFormat
	}
	if f[1] != scheme {
		return phc{}, fmt.Errorf("stored password hash has a scheme that is not supported (reset the password)")
	}
	p, err := parseParams(f[3])
	if err != nil {
		return phc{}, err
	}
	salt, err1 := decode(f[4], minSalt, maxSalt)
	tag, err2 := decode(f[5], minTag, maxTag)
	if err := errors.Join(err1, err2); err != nil {
		return phc{}, errFormat
	}
	return phc{p, salt, tag}, nil
}

func parseParams(s string) (params, error) { return parseParamsWithin(s, ceiling) }

// parseParamsWithin reads the costs of argon2 that are at most those of most.
func parseParamsWithin(s string, most params) (params, error) {
	f := strings.Split(s, ",")
	if len(f) != 3 {
		return params{}, errFormat
	}
	var n [3]uint64
	for i, name := range [...]string{"m=", "t=", "p="} {
		digits, ok := strings.CutPrefix(f[i], name)
		v, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || strconv.FormatUint(v, 10) != digits {
			return params{}, errFormat
		}
		n[i] = v
	}
	if n[0] > uint64(most.memory) || n[1] > uint64(most.time) || n[2] > uint64(most.threads) {
		return params{}, errCost
	}
	if n[1] < 1 || n[2] < 1 || n[0] < 8*n[2] { // RFC 9106, Section 3.1
		return params{}, errFormat
	}
	return params{uint32(n[0]), uint32(n[1]), uint8(n[2])}, nil
}

func decode(s string, least, most int) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") { // the decoder would skip them
		return nil, errFormat
	}
	b, err := strict.DecodeString(s)
	if err != nil || len(b) < least || len(b) > most {
		return nil, errFormat
	}
	return b, nil
}

func (h phc) String() string {
	return fmt.Sprintf("$%s$%s$m=%d,t=%d,p=%d$%s$%s", scheme, phcVersion, h.memory, h.time, h.threads,
		strict.EncodeToString(h.salt), strict.EncodeToString(h.tag))
}

// weaker reports that a hash was made with less than the present cost or size.
func (h phc) weaker() bool {
	return h.memory < standard.memory || h.time < standard.time || len(h.salt) < saltSize || len(h.tag) < tagSize
}

package password

import (
	"bufio"
	"bytes"
	"crypto/sha1" //nolint:gosec // the form in which lists of known passwords come; it protects nothing
	"crypto/sha256"
	_ "embed"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/FastFilter/xorfilter"
)

// Filter is a set of passwords that are known to attackers, as a binary fuse filter with 8
// or 16 bits an entry: none of them is missed, and one of 256 or 65,536 others is taken for
// one of them. It holds no text. It is safe for concurrent use.
type Filter struct {
	Count uint64 // passwords in it
	small *xorfilter.BinaryFuse[uint8]
	large *xorfilter.BinaryFuse[uint16]
}

// The file is, little endian: magic[8] version[1] bits[1] 0[6] count[8] seed[8]
// segment length[4] segments[4], the fingerprints, and SHA-256[32] of all before.
const (
	filterMagic = "sanmonPF"
	filterHead  = 8 + 1 + 1 + 6 + 8 + 8 + 4 + 4
	// MaxFilter is the largest filter that is read, in bytes.
	MaxFilter = 4 << 30
	// MaxListed is how many passwords a filter takes: to build it takes some 40 bytes of
	// memory for each.
	MaxListed = 1 << 30
)

// Key is how a password is known to a filter: the beginning of its SHA-1, because lists
// come as these hashes.
func Key(password string) uint64 {
	sum := sha1.Sum([]byte(password)) //nolint:gosec // see the import
	return binary.BigEndian.Uint64(sum[:])
}

// Contains reports whether a password is in the set, as it is or in lower case.
func (f *Filter) Contains(password string) bool {
	return f.has(Key(password)) || f.has(Key(strings.ToLower(password)))
}

func (f *Filter) has(key uint64) bool {
	switch {
	case f == nil:
		return false
	case f.small != nil:
		return f.small.Contains(key)
	}
	return f.large.Contains(key)
}

// WriteFilter builds a filter of the keys, whose order it changes, with 8 or 16 bits each.
func WriteFilter(w io.Writer, keys []uint64, bits int) (count int, err error) {
	var seed uint64
	var length, segments uint32
	var body any
	switch bits {
	case 8:
		f, err := xorfilter.NewBinaryFuse[uint8](keys)
		if err != nil {
			return 0, err
		}
		seed, length, segments, body = f.Seed, f.SegmentLength, f.SegmentCount, f.Fingerprints
	case 16:
		f, err := xorfilter.NewBinaryFuse[uint16](keys)
		if err != nil {
			return 0, err
		}
		seed, length, segments, body = f.Seed, f.SegmentLength, f.SegmentCount, f.Fingerprints
	default:
		return 0, fmt.Errorf("a filter of %d bits (use 8 or 16)", bits)
	}
	head := make([]byte, 0, filterHead)
	head = append(append(head, filterMagic...), 1, byte(bits), 0, 0, 0, 0, 0, 0)
	head = binary.LittleEndian.AppendUint64(head, uint64(len(keys)))
	head = binary.LittleEndian.AppendUint64(head, seed)
	head = binary.LittleEndian.AppendUint32(head, length)
	head = binary.LittleEndian.AppendUint32(head, segments)
	sum := sha256.New()
	out := bufio.NewWriterSize(io.MultiWriter(w, sum), 1<<20)
	_, _ = out.Write(head) // Flush says what failed
	if err := binary.Write(out, binary.LittleEndian, body); err != nil {
		return 0, err
	}
	if err := out.Flush(); err != nil {
		return 0, err
	}
	_, err = w.Write(sum.Sum(nil))
	return len(keys), err
}

// ReadFilter reads what WriteFilter wrote.
func ReadFilter(r io.Reader, size int64) (*Filter, error) {
	if size < filterHead+sha256.Size || size > MaxFilter {
		return nil, fmt.Errorf("the filter has %d bytes (make it with: sanmon pwned build)", size)
	}
	sum := sha256.New()
	in := io.TeeReader(io.LimitReader(r, size-sha256.Size), sum)
	var head [filterHead]byte
	if _, err := io.ReadFull(in, head[:]); err != nil || string(head[:8]) != filterMagic || head[8] != 1 {
		return nil, errors.New("the file is no filter of this version (make it with: sanmon pwned build)")
	}
	f := &Filter{Count: binary.LittleEndian.Uint64(head[16:])}
	seed, length, segments := binary.LittleEndian.Uint64(head[24:]), binary.LittleEndian.Uint32(head[32:]), binary.LittleEndian.Uint32(head[36:])
	bytesEach := int64(head[9]) / 8
	n := (int64(segments) + 2) * int64(length)
	if bytesEach != 1 && bytesEach != 2 || head[9]%8 != 0 || length == 0 || length&(length-1) != 0 || segments == 0 ||
		n > MaxFilter || int64(segments)*int64(length) > 1<<32-1 || filterHead+n*bytesEach+sha256.Size != size {
		return nil, errors.New("the filter is damaged: its length is not that of its head (make it again)")
	}
	var err error
	if bytesEach == 1 {
		f.small = &xorfilter.BinaryFuse[uint8]{Seed: seed, SegmentLength: length, SegmentLengthMask: length - 1, SegmentCount: segments, SegmentCountLength: segments * length, Fingerprints: make([]uint8, n)}
		_, err = io.ReadFull(in, f.small.Fingerprints)
	} else {
		f.large = &xorfilter.BinaryFuse[uint16]{Seed: seed, SegmentLength: length, SegmentLengthMask: length - 1, SegmentCount: segments, SegmentCountLength: segments * length, Fingerprints: make([]uint16, n)}
		err = binary.Read(in, binary.LittleEndian, f.large.Fingerprints)
	}
	var want [sha256.Size]byte
	if err == nil {
		_, err = io.ReadFull(r, want[:])
	}
	if err != nil || !bytes.Equal(sum.Sum(nil), want[:]) {
		return nil, errors.New("the filter is damaged: its sum does not fit (make it again)")
	}
	return f, nil
}

// ReadList reads the keys of a list of passwords: one a line, or one SHA-1 in hexadecimal a
// line, with ":" and how often it was seen behind it, as Have I Been Pwned publishes them.
// The first line decides. Those that were seen less than least times are left out, as are
// those that no rule would let pass anyway: shorter than MinLength.
func ReadList(r io.Reader, least int) ([]uint64, error) {
	in := bufio.NewScanner(r)
	in.Buffer(make([]byte, 64<<10), 64<<10)
	var keys []uint64
	hashed := false
	for line := 1; in.Scan(); line++ {
		text := strings.TrimRight(in.Text(), "\r")
		if line == 1 {
			_, _, hashed = hashLine(text)
		}
		if text == "" {
			continue
		}
		if !hashed {
			if len([]rune(text)) >= MinLength {
				keys = append(keys, Key(text))
			}
		} else {
			key, seen, ok := hashLine(text)
			if !ok {
				return nil, fmt.Errorf("line %d is no SHA-1 with a count, but the first line is (use a list of one kind)", line)
			}
			if seen >= least {
				keys = append(keys, key)
			}
		}
		if len(keys) > MaxListed {
			return nil, fmt.Errorf("the list has more than %d passwords (leave rare ones out: --least 10)", MaxListed)
		}
	}
	if err := in.Err(); err != nil {
		return nil, fmt.Errorf("read the list: %w", err)
	}
	if len(keys) == 0 {
		return nil, errors.New("the list has no password that counts")
	}
	return keys, nil
}

// hashLine reads "SHA1" or "SHA1:COUNT"; without a count it was seen often.
func hashLine(s string) (key uint64, seen int, ok bool) {
	digits, count, counted := strings.Cut(s, ":")
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) != sha1.Size {
		return 0, 0, false
	}
	seen = int(^uint(0) >> 1)
	if counted {
		if seen, err = strconv.Atoi(strings.TrimSpace(count)); err != nil {
			return 0, 0, false
		}
	}
	return binary.BigEndian.Uint64(b), seen, true
}

// commonFilter was made by "sanmon pwned build" of the 8,354 entries of eight characters and
// more of the list of common passwords that Django 6.1 ships (BSD 3-Clause; compiled by
// Royce Williams). The filter has no text of it.
//
//go:embed common.filter
var commonFilter []byte

// builtin is the filter that is always there. The tests read it, so it does not fail.
var builtin = sync.OnceValue(func() *Filter {
	f, _ := ReadFilter(bytes.NewReader(commonFilter), int64(len(commonFilter)))
	return f
})

package secret

import "crypto/rand"

const base62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// Random62 returns n characters of [0-9A-Za-z], each uniform and from crypto/rand
// (5.95 bits a character; rejection sampling).
func Random62(n int) string {
	out := make([]byte, 0, n)
	var buf [64]byte
	for len(out) < n {
		_, _ = rand.Read(buf[:]) // never fails: crypto/rand ends the program instead
		for _, b := range buf {
			if b < 248 && len(out) < n {
				out = append(out, base62[b%62])
			}
		}
	}
	return string(out)
}

// NewID returns prefix and 20 random characters (119 bits): a public, unguessable
// handle such as "usr_4f…". It is no secret.
func NewID(prefix string) string { return prefix + Random62(20) }

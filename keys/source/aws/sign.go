package aws

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// request is what is signed: a POST of a body to the root of a host, without a query.
type request struct {
	host   string
	header map[string]string // lower-case names; host and x-amz-date are added
	body   []byte
}

// sign returns the Authorization header of a request and fills in the date and the session
// token (AWS Signature Version 4, "Create a signed AWS API request").
func sign(r *request, c Credentials, region, service string, now time.Time) string {
	stamp := now.UTC().Format("20060102T150405Z")
	day := stamp[:8]
	r.header["host"], r.header["x-amz-date"] = r.host, stamp
	if !c.Session.Empty() {
		r.header["x-amz-security-token"] = string(c.Session.Expose())
	}
	var names []string
	for name := range r.header {
		names = append(names, name)
	}
	slices.Sort(names)
	canonical := "POST\n/\n\n"
	for _, name := range names {
		canonical += name + ":" + strings.TrimSpace(r.header[name]) + "\n"
	}
	signed := strings.Join(names, ";")
	canonical += "\n" + signed + "\n" + hash(r.body)
	scope := day + "/" + region + "/" + service + "/aws4_request"
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + hash([]byte(canonical))
	key := signingKey(c.Secret, day, region, service)
	return fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s", c.ID, scope, signed, hex.EncodeToString(mac(key, text)))
}

func signingKey(s secret.Value, day, region, service string) []byte {
	key := append([]byte("AWS4"), s.Expose()...)
	defer clear(key)
	return mac(mac(mac(mac(key, day), region), service), "aws4_request")
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func hash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

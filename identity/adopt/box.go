package adopt

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// boxPurpose binds what a Box seals. boxLife is how long a browser may be on its way to a
// login. maxBox is the longest value that browsers keep, less a name.
const (
	boxPurpose = "sanmon/adopt/anonymous/v1"
	boxLife    = 24 * time.Hour
	maxBox     = 4000
)

// Box seals what backends know somebody by who has not signed in, so that the browser itself
// can keep it: nobody but a server with the master key can read or make it, and visitors
// leave nothing in the store. It is safe for concurrent use.
type Box struct{ Master *secret.Master }

// Seal returns the value of the cookie; "" for an empty jar.
func (b *Box) Seal(j Jar, now time.Time) (string, error) {
	if len(j) == 0 {
		return "", nil
	}
	plain, err := j.Marshal()
	if err != nil {
		return "", err
	}
	stamped := binary.BigEndian.AppendUint64(nil, uint64(now.Unix()))
	sealed, err := b.Master.Seal(boxPurpose, append(stamped, plain.Expose()...))
	if err != nil {
		return "", err
	}
	value := base64.RawURLEncoding.EncodeToString(sealed)
	if len(value) > maxBox {
		return "", fmt.Errorf("what the backends set before a login takes %d bytes as a cookie, more than %d (they have to set less)", len(value), maxBox)
	}
	return value, nil
}

// Open reads the value of the cookie. What is not ours, or too old, holds nothing.
func (b *Box) Open(value string, now time.Time) Jar {
	if value == "" || len(value) > maxBox {
		return nil
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(value)
	if err != nil {
		return nil
	}
	plain, err := b.Master.Open(boxPurpose, sealed)
	if err != nil || len(plain.Expose()) < 8 {
		return nil
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(plain.Expose())), 0))
	if age > boxLife || age < -5*time.Minute {
		return nil
	}
	j, err := Unmarshal(secret.New(plain.Expose()[8:]))
	if err != nil {
		return nil
	}
	return j
}

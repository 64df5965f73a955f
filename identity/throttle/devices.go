package throttle

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// DeviceLife is how long a device stays known after a login.
const DeviceLife = 180 * 24 * time.Hour

// Devices issues and recognises device cookies: a proof that somebody has signed in
// to an account from this browser before. It opens nothing; it only gets its owner
// a failure counter of its own.
//
// Layout, base64url without padding: format[1] key version[4] issued[8, seconds]
// nonce[16] HMAC-SHA-256[32], the MAC over a label, all before it, and the account.
type Devices struct {
	Ring *secret.Ring // secret.PurposeDevice
}

const (
	deviceFormat = 1
	deviceHead   = 1 + 4 + 8 + 16
	deviceBytes  = deviceHead + sha256.Size
	deviceChars  = 82
	deviceSkew   = time.Minute // how far another node's clock may be ahead
)

var deviceEncoding = base64.RawURLEncoding.Strict()

// Issue returns a cookie for a device that has just signed in to account (its
// canonical name).
func (d Devices) Issue(account string, now time.Time) string {
	key := d.Ring.Current()
	raw := make([]byte, deviceHead, deviceBytes)
	raw[0] = deviceFormat
	binary.BigEndian.PutUint32(raw[1:], uint32(key.Version))
	binary.BigEndian.PutUint64(raw[5:], uint64(now.Unix()))
	_, _ = rand.Read(raw[13:]) // never fails: crypto/rand ends the program instead
	return deviceEncoding.EncodeToString(append(raw, deviceMAC(key.Value, raw, account)...))
}

// Known returns the public id of a device that signed in to account before. A cookie
// that is malformed, forged, too old or of another account is no known device.
func (d Devices) Known(cookie, account string, now time.Time) (id string, ok bool) {
	if len(cookie) != deviceChars {
		return "", false
	}
	raw, err := deviceEncoding.DecodeString(cookie)
	if err != nil || len(raw) != deviceBytes || raw[0] != deviceFormat {
		return "", false
	}
	key, ok := d.Ring.Version(int(binary.BigEndian.Uint32(raw[1:])))
	if !ok || !hmac.Equal(raw[deviceHead:], deviceMAC(key.Value, raw[:deviceHead], account)) {
		return "", false
	}
	age := now.Sub(time.Unix(int64(binary.BigEndian.Uint64(raw[5:])), 0))
	if age < -deviceSkew || age >= DeviceLife {
		return "", false
	}
	return deviceEncoding.EncodeToString(raw[13:deviceHead]), true
}

func deviceMAC(key secret.Value, head []byte, account string) []byte {
	mac := hmac.New(sha256.New, key.Expose())
	mac.Write([]byte("sanmon/device/v1\x00"))
	mac.Write(head)
	mac.Write([]byte(account))
	return mac.Sum(nil)
}

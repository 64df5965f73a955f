package password

import (
	"strings"
	"testing"
	"time"
)

// djangoHashes were made by the hashers of Django 6.1.3 at low costs, of plain, and of
// accented, whose first accent is a character of its own.
const (
	plain    = "correct horse battery staple"
	accented = "pa\u0301ssw\u00f6rt \u65e5\u672c\u8a9e"
)

var djangoHashes = []struct{ hash, password string }{
	{"pbkdf2_sha256$1000$hj9Lag2cwfTPheBzO6csSO$f0gJUzDr7rnZziC++9m/cAQzR+hMUfJBOun3L+lM4H8=", plain},
	{"pbkdf2_sha256$1000$du5old55pTVMUFTbDG2Y8o$FkZ6CBpDC/fgkU+By/4mDv3hVT5TKkUvrrSHCHbo7k4=", accented},
	{"argon2$argon2id$v=19$m=1024,t=2,p=8$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ", plain},
	{"argon2$argon2id$v=19$m=1024,t=2,p=8$RGN4dWVYOWF3TTBOU1h5TkNVNFY4NA$wx6+ZiwbhXejfN7QQE6sF2OAxxHw45DLtlCEX02FPC4", accented},
	{"argon2$argon2id$v=19$m=102400,t=2,p=8$UnVaQ3hJUnJqNXRqNVVlNGdFYVFlMA$UY05GJMvEG4YZCBJ4susKXVo6TNasaK7Ucq526R3fbU", plain}, // at Django's own cost
	{"bcrypt_sha256$$2b$04$3kSGLlH9G6Bbx3nNJ57ekumupN9XCvzGVo16rJEi2u/DgoObki4M2", plain},
	{"bcrypt_sha256$$2b$04$zNjug4bwIyXdJXCQ2fVN9OX0uqKtWqdjw3Z9reR5fb4Y6hkPhHkjS", accented},
	{"bcrypt$$2b$04$CXk1Os7fOqHiDl1vJ1vfkeNsRO2vXvpvtB79Z9lz2lRyxQgc4Ao1y", plain},
	{"bcrypt$$2b$04$1Ck2lWICkP.0oWKYwHRKZ.BdWUKORdY.okpXpu8zOSFEFzA6gKn/a", accented},
	{"scrypt$64$yahTNAZzKgcrxakfZTYJ7X$8$5$EZiISwDTy5zMvDhbBURtYbqK2x+HC+ZL/7fKbWWb5nptovxkHEAMa9r1w3vR1JBczy+dcTV1YTCKBR01T5vXpw==", plain},
	{"scrypt$64$kxC8VZuXhqospUjJ5GSzaj$8$5$e2tGNfeROxx1nfW5v6gZvl9yKBvMhUrW5roUMJTKylk1l+yzjRthJ5LOTQuLoLgBHuKdYIo+VLf9L+xJuv23nw==", accented},
}

func TestDjangoHashes(t *testing.T) {
	h := New(Options{Share: 1})
	for _, c := range djangoHashes {
		if err := Importable(str(c.hash)); err != nil || !Foreign(str(c.hash)) {
			t.Errorf("%.24s: importable: %v", c.hash, err)
		}
		if got, err := h.Verify(bg, str(c.hash), str(c.password)); err != nil || !got.OK || !got.Upgrade {
			t.Errorf("%.24s: the right password: %+v, %v", c.hash, got, err)
		}
		for _, no := range []string{c.password + " ", "Correct horse battery staple", "", "\x00"} {
			if got, err := h.Verify(bg, str(c.hash), str(no)); err != nil || got.OK || got.Upgrade {
				t.Errorf("%.24s: %.20q: %+v, %v", c.hash, no, got, err)
			}
		}
	}
}

func TestDjangoHashesRefused(t *testing.T) {
	salt, tag := "du5old55pTVMUFTbDG2Y8o", "FkZ6CBpDC/fgkU+By/4mDv3hVT5TKkUvrrSHCHbo7k4="
	bcrypt := "$2b$04$CXk1Os7fOqHiDl1vJ1vfkeNsRO2vXvpvtB79Z9lz2lRyxQgc4Ao1y"
	scrypt := "EZiISwDTy5zMvDhbBURtYbqK2x+HC+ZL/7fKbWWb5nptovxkHEAMa9r1w3vR1JBczy+dcTV1YTCKBR01T5vXpw=="
	h := New(Options{Share: 1})
	for i, hash := range []string{
		"", "!", "!Qx3kPcM0ZqyBXHcaOtRM6VxL1sKXm4gT5d4b7Cje", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "unsalted_sha1$$5baa61e4", "plaintext",
		"pbkdf2_sha256$0$" + salt + "$" + tag, "pbkdf2_sha256$01$" + salt + "$" + tag, "pbkdf2_sha256$+1$" + salt + "$" + tag, "pbkdf2_sha256$-1$" + salt + "$" + tag,
		"pbkdf2_sha256$4000001$" + salt + "$" + tag, "pbkdf2_sha256$99999999999999999999$" + salt + "$" + tag, "pbkdf2_sha256$1$$" + tag,
		"pbkdf2_sha256$1$" + salt + "$" + tag[:40], "pbkdf2_sha256$1$" + salt + "$" + strings.TrimRight(tag, "="), "pbkdf2_sha256$1$" + salt + "$" + tag + "$", "pbkdf2_sha256$1$" + salt + "$" + tag + "\n",
		"argon2$argon2d$v=19$m=1024,t=2,p=8$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ",
		"argon2$argon2id$v=16$m=1024,t=2,p=8$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ",
		"argon2$argon2id$v=19$m=1048576,t=2,p=8$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ",
		"argon2$argon2id$v=19$m=1024,t=11,p=8$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ",
		"argon2$argon2id$v=19$m=1024,t=2,p=9$elBuTnEwNmlDMUpSSWMxb3plbmxkUA$X8y2a87/NtJ3qe+5u1kZEWCjYYdn/5u1TFDinq+fjOQ",
		"bcrypt$" + strings.Replace(bcrypt, "$04$", "$15$", 1), "bcrypt$" + strings.Replace(bcrypt, "$2b$", "$1a$", 1), "bcrypt$" + bcrypt[:59], "bcrypt$" + bcrypt + "a", "bcrypt" + bcrypt,
		"scrypt$63$salt$8$5$" + scrypt, "scrypt$1$salt$8$5$" + scrypt, "scrypt$64$salt$0$5$" + scrypt, "scrypt$64$salt$8$0$" + scrypt, "scrypt$64$$8$5$" + scrypt,
		"scrypt$1048576$salt$8$5$" + scrypt, "scrypt$64$salt$67108864$5$" + scrypt, "scrypt$64$salt$8$2097152$" + scrypt, "scrypt$64$salt$8$5$" + scrypt[:20], "scrypt$64$salt$8$5",
		"pbkdf2_sha256$1$" + strings.Repeat("s", 600) + "$" + tag,
	} {
		if err := Importable(str(hash)); err == nil {
			t.Errorf("%.60q is importable", hash)
		}
		if i == 0 || i%8 != 0 { // a verification costs as much as any other
			continue
		}
		if got, err := h.Verify(bg, str(hash), str(plain)); err == nil || got.OK {
			t.Errorf("%.60q: %+v, %v", hash, got, err)
		} else if strings.Contains(err.Error(), tag[:8]) {
			t.Errorf("the error quotes the hash: %v", err)
		}
	}
}

// TestEvenTimes: once a hash of another program was verified, a no for anybody takes no
// less than that took. Only the lower bound is asked for: no machine is too slow for it.
func TestEvenTimes(t *testing.T) {
	h := New(Options{Share: 1})
	h.learn(120 * time.Millisecond)
	for _, hash := range []string{"", djangoHashes[0].hash, "broken"} {
		began := time.Now()
		_, _ = h.Verify(bg, str(hash), str("wrong password"))
		if took := time.Since(began); took < 150*time.Millisecond {
			t.Errorf("%.13q: no after %v, want 150ms or more", hash, took)
		}
	}
	if h.learn(time.Hour); h.slowest.Load() != int64(maxHold) {
		t.Errorf("a no may be held back for %v", time.Duration(h.slowest.Load()))
	}
}

// TestWaitingIsNotLearned: how long an old hash takes is measured from its slot on. A flood
// in which everybody waits would hold back every no for as long until the next start.
func TestWaitingIsNotLearned(t *testing.T) {
	h := New(Options{Slots: 1, Share: 1})
	first, _ := h.Reserve(false)
	if err := first.enter(bg); err != nil {
		t.Fatal(err)
	}
	p, err := h.Reserve(false)
	if err != nil {
		t.Fatal(err)
	}
	free := make(chan time.Time, 1)
	time.AfterFunc(100*time.Millisecond, func() {
		free <- time.Now()
		first.Leave()
	})
	if r, err := p.Verify(bg, str(djangoHashes[0].hash), str("wrong password")); r.OK || err != nil {
		t.Fatal(r, err)
	}
	if at := <-free; p.began.Before(at) {
		t.Errorf("%v of waiting counted", at.Sub(p.began))
	}
}

func FuzzImportable(f *testing.F) {
	for _, c := range djangoHashes {
		f.Add(c.hash)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := parseStored(s)
		if err == nil && p.own == nil && p.check == nil {
			t.Error("a hash was taken that nothing checks")
		}
	})
}

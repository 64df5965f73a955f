package login

import (
	"strings"
	"testing"
)

const djangoHash = "pbkdf2_sha256$1000$hj9Lag2cwfTPheBzO6csSO$f0gJUzDr7rnZziC++9m/cAQzR+hMUfJBOun3L+lM4H8="

func TestReadImport(t *testing.T) {
	for name, text := range map[string]string{
		"CSV":        "email,hash,roles,is_active\nAda@Example.com," + djangoHash + ",reader writer,t\nbob@example.com,!Qx3kPcM0ZqyBXHcaOtRM6VxL1sKXm4gT5d4b7Cje,,f\n",
		"CSV of DOS": "\ufeffemail,password,roles,disabled\r\nAda@Example.com," + djangoHash + ",reader writer,false\r\nbob@example.com,,,1\r\n",
		"JSON lines": `{"email":"Ada@Example.com","hash":"` + djangoHash + `","roles":["reader","writer"]}` + "\n\n" + `{"email":"bob@example.com","password":null,"is_active":false}`,
	} {
		people, err := ReadImport(strings.NewReader(text))
		if err != nil || len(people) != 2 {
			t.Errorf("%s: %d people, %v", name, len(people), err)
			continue
		}
		ada, bob := people[0], people[1]
		if ada.Email != "ada@example.com" || string(ada.Hash.Expose()) != djangoHash || strings.Join(ada.Roles, " ") != "reader writer" || ada.Disabled {
			t.Errorf("%s: %+v", name, ada)
		}
		if bob.Email != "bob@example.com" || !bob.Hash.Empty() || len(bob.Roles) != 0 || !bob.Disabled {
			t.Errorf("%s: %+v", name, bob)
		}
	}
}

func TestReadImportRefused(t *testing.T) {
	for text, want := range map[string]string{
		"":                              "the file is empty",
		"name,hash\na,b\n":              "line 1: column 1 is none of",
		"email,email\na,b\n":            "line 1: column 2 is none of",
		"hash,roles\na,b\n":             "line 1: there is no column email",
		"email,hash\nada@example.com\n": "line 2: it is not CSV",
		"email,hash\nada,x\nbob,x\n":    "line 2: its email is no address\nline 3: its email is no address",
		"email,hash\nada@example.com,md5$hunter2$x\n":         "line 2: stored password hash has a scheme",
		"email,hash\nada@example.com,\nADA@example.com,\n":    "line 3: the address is on line 2, too",
		"email,hash,password\nada@example.com,a,b\n":          "there are two",
		"email,is_active\nada@example.com,hunter2\n":          "line 2: its is_active is neither true nor false",
		`{"email":"ada@example.com","hash":7}`:                "line 1: its hash is no text",
		`{"email":"ada@example.com","roles":[1]}`:             "line 1: its roles are no list of texts",
		`{"email":"ada@example.com","x":1}`:                   "line 1: it has a member that is none of",
		`{"email":"ada@example.com"`:                          "line 1: it is not one JSON object",
		`{"hash":"` + djangoHash + `"}`:                       "line 1: it has no email",
		`{"email":"` + strings.Repeat("a", 70_000) + `@b.c"}`: "line 1: it has more than 65536 bytes",
		"email\n" + strings.Repeat("x\n", 60):                 "more than",
		`{"email":"ada@example.com","is_active":"hunter2"}`:   "neither true nor false",
		"email,hash\n\"ada@example.com,hunter2\n":             "line 2: it is not CSV",
	} {
		people, err := ReadImport(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60q: %d people, %v; want %q", text, len(people), err, want)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%.60q: the error quotes it: %v", text, err)
		}
	}
}

func FuzzReadImport(f *testing.F) {
	f.Add("email,hash\na@b.c," + djangoHash)
	f.Add(`{"email":"a@b.c","roles":["x"]}`)
	f.Fuzz(func(t *testing.T, s string) {
		people, err := ReadImport(strings.NewReader(s))
		for _, p := range people {
			if _, ok := Canonical(p.Email); err == nil && !ok {
				t.Errorf("%q was taken as an address", p.Email)
			}
		}
	})
}

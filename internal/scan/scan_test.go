package scan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sanmon-gate/sanmon/keys/apikey"
)

// misuseCase is a text that a rule must report, and a clean counterpart.
type misuseCase struct{ rule, file, bad, good string }

func misuses() []misuseCase {
	return []misuseCase{
		{hardcoded, "app/settings.py", `SECRET_KEY = "k3#vQ9z-8Lm2Xp7!wRt5"`, `SECRET_KEY = os.environ["SECRET_KEY"]`},
		{hardcoded, "app/a.py", `db = connect(password="hunter2-Xq9")`, `db = connect(password="changeme-123")`},
		{hardcoded, ".env", "API_KEY=q8Zr4Lw1Tn6Vb3Xc9Km2", "API_KEY=${API_KEY}"},
		{hardcoded, "conf.yaml", "db:\n  password: \"hunter2-Xq9\"\n", "db:\n  password: env:DB_PASSWORD\n"},
		{hardcoded, "a.js", `const apiKey = "q8Zr4Lw1Tn6Vb3Xc9Km2";`, `const apiKey = process.env.API_KEY;`},
		{hardcoded, "a.go", "package a\nvar jwtSecret = \"k3vQ9z8Lm2Xp7wRt5\"\n", "package a\nvar jwtSecret = os.Getenv(\"JWT\")\n"},
		{hardcoded, "a.go", "package a\nvar n, jwtSecret = f(\"a\", '('), // as \"it\" was\n\t\"k3vQ9z8Lm2Xp7wRt5\"\n", "package a\nvar n, jwtSecret = f(\"k3vQ9z8Lm2Xp7wRt5\", '('), // as \"it\" was\n\tg\n"},
		{webStorage, "a.ts", `localStorage.setItem("access_token", t)`, `localStorage.setItem("theme", t)`},
		{webStorage, "a.js", `sessionStorage.token = t`, `localStorage.removeItem("token")`},
		{csrfExempt, "v.py", "@csrf_exempt\ndef pay(r): pass", "from django.views.decorators.csrf import csrf_exempt\n# @csrf_exempt\ndef pay(r): pass"},
		{csrfMiddleware, "settings.py", `MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]`, `MIDDLEWARE = ["django.middleware.csrf.CsrfViewMiddleware"]`},
		{csrfDisabled, "config.py", `WTF_CSRF_ENABLED = False`, "class TestConfig:\n    WTF_CSRF_ENABLED = False\n"},
		{csrfDisabled, "app.py", `app.config["WTF_CSRF_ENABLED"] = False`, `app.config["WTF_CSRF_ENABLED"] = True`},
		{markSafe, "v.py", `x = mark_safe(name)`, `x = mark_safe("<b>ok</b>")`},
		{markSafe, "v.py", `x = mark_safe(f"<b>{name}</b>")`, `x = format_html("<b>{}</b>", name)`},
		{markup, "v.py", `x = Markup(name)`, `x = Markup("<b>{}</b>").format(name)`},
		{templateSafe, "t.html", `<p>{{ body|safe }}</p>`, `<p>{{ body }}</p>{# {{ body|safe }} #}{{ "<b>"|safe }}`},
		{autoescapeOff, "t.html", `{% autoescape off %}{{ x }}{% endautoescape %}`, `{% autoescape on %}{{ x }}{% endautoescape %}`},
		{innerHTML, "a.js", `el.innerHTML = name;`, `el.innerHTML = "<b>ok</b>"; el.textContent = name; el.innerHTML = DOMPurify.sanitize(name)`},
		{innerHTML, "t.html", `<script>el.innerHTML = name</script>`, `<script>el.innerHTML = ""</script>`},
		{dangerousHTML, "a.jsx", `<div dangerouslySetInnerHTML={{ __html: x }} />`, `<div dangerouslySetInnerHTML={{ __html: "<b>ok</b>" }} />`},
		{vHTML, "a.vue", `<p v-html="body"></p>`, `<p v-text="body"></p>`},
		{goHTML, "a.go", "package a\nimport \"html/template\"\nvar x = template.HTML(y)\n", "package a\nimport \"html/template\"\nvar x = template.HTML(\"<b>\")\n"},
		{jwtUnverified, "a.py", `jwt.decode(t, options={"verify_signature": False})`, `jwt.decode(t, k, algorithms=["ES256"])`},
		{jwtAlgorithms, "a.py", `jwt.decode(t, k)`, `jwt.decode(t, k, algorithms=["ES256"])`},
		{jwtNone, "a.py", `jwt.encode(c, None, algorithm="none")`, `jwt.encode(c, k, algorithm="ES256")`},
		{jwtNone, "a.js", `const h = { alg: 'none', typ: 'JWT' }`, `const h = { alg: 'ES256', typ: 'JWT' }`},
		{tokenLong, "a.py", `ACCESS_TOKEN_EXPIRE_MINUTES: int = 60 * 24 * 8`, `ACCESS_TOKEN_EXPIRE_MINUTES: int = 10`},
		{tokenLong, "a.py", `C = {"ACCESS_TOKEN_LIFETIME": timedelta(days=30)}`, `C = {"REFRESH_TOKEN_LIFETIME": timedelta(days=30)}`},
		{tokenLong, "a.js", `jwt.sign(c, k, { expiresIn: '30d' })`, `jwt.sign(c, k, { expiresIn: '10m' })`},
		{tokenForever, "a.py", `jwt.encode({"sub": u}, k)`, `jwt.encode({"sub": u, "exp": e}, k)`},
		{tokenLong, "a.go", "package a\nvar c = jwt.MapClaims{\"sub\": u, \"exp\": time.Now().Add(30 * 24 * time.Hour).Unix()}\n", "package a\nvar c = jwt.MapClaims{\"sub\": u, \"exp\": time.Now().Add(10 * time.Minute).Unix()}\n"},
		{tokenLong, "a.go", "package a\nvar c = jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(720 * time.Hour))}\n", "package a\nvar c = jwt.RegisteredClaims{ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Hour))}\n"},
		{tokenLong, "a.go", "package a\nconst accessTokenTTL = 7 * 24 * time.Hour\n", "package a\nconst refreshTokenTTL = 7 * 24 * time.Hour\nconst tokenTTL = 15 * time.Minute\n"},
		{tokenForever, "a.go", "package a\nvar c = jwt.MapClaims{\"sub\": u}\n", "package a\nvar c = jwt.MapClaims{\"sub\": u, \"exp\": end}\nvar none = jwt.MapClaims{}\n"},
		{tokenForever, "a.go", "package a\nvar c = jwt.RegisteredClaims{Subject: u}\n", "package a\nfunc f() { c := jwt.RegisteredClaims{Subject: u}\nc.ExpiresAt = end }\n"},
		{corsAny, "a.go", "package a\nvar c = cors.Options{AllowedOrigins: []string{\"*\"}, AllowCredentials: true}\n", "package a\nvar c = cors.Options{AllowedOrigins: []string{\"*\"}}\nvar d = cors.Options{AllowedOrigins: []string{o}, AllowCredentials: true}\n"},
		{corsAny, "a.go", "package a\nvar c = cors.Config{AllowAllOrigins: true, AllowCredentials: true}\n", "package a\nvar c = cors.Config{AllowAllOrigins: true, AllowCredentials: false}\n"},
		{markup, "v.py", `x = Markup(name if ok else "")`, `x = Markup(_lazy("Yes") if ok else _lazy("No"))`},
		{innerHTML, "a.js", `el.innerHTML = ok ? name : "";`, `el.innerHTML = ok ? "<b>yes</b>" : "";`},
		{templateSafe, "t.html", `{% trans a=link|safe %}`, `{% trans a='<a href="x">'|safe, b='</a>'|safe %}`},
		{templateSafe, "title.html", `{{ name|safe }}`, `{{ name }}`},
		{templateSafe, "ntfy_title.html", `<b>{{ name|safe }}</b>`, `{{ name|safe }} is up`},
		{autoescapeOff, "password_reset_email.html", `{% autoescape off %}<p>{{ x }}</p>{% endautoescape %}`, `{% autoescape off %}Dear {{ x }}{% endautoescape %}`},
		{cookieWeak, "settings.py", `SESSION_COOKIE_SECURE = False`, `SESSION_COOKIE_SECURE = True`},
		{cookieWeak, "settings.py", `SESSION_COOKIE_SAMESITE = None`, `SESSION_COOKIE_SAMESITE = "Lax"`},
		{debugOn, "settings.py", `DEBUG = True`, `DEBUG = os.environ.get("DEBUG") == "1"`},
		{hostsAny, "settings.py", `ALLOWED_HOSTS = ["*"]`, `ALLOWED_HOSTS = ["example.org"]`},
		{corsAny, "a.py", `app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)`, `app.add_middleware(CORSMiddleware, allow_origins=["*"])`},
		{corsAny, "settings.py", "CORS_ALLOW_ALL_ORIGINS = True\nCORS_ALLOW_CREDENTIALS = True", "CORS_ALLOW_ALL_ORIGINS = True"},
		{tlsOff, "a.py", `requests.get(u, verify=False)`, `requests.get(u, verify=True)`},
		{tlsOff, "a.go", "package a\nvar c = tls.Config{InsecureSkipVerify: true}\n", "package a\nvar c = tls.Config{}\n"},
		{tlsOff, "a.js", `new https.Agent({ rejectUnauthorized: false })`, `new https.Agent({ rejectUnauthorized: true })`},
		{privateKey, "k.txt", "-----BEGIN PRIVATE " + "KEY-----\n" + strings.Repeat("MIIEvQ8x", 8) + "\n-----END PRIVATE " + "KEY-----\n", "if text has -----BEGIN PRIVATE " + "KEY----- in it\n"},
	}
}

// TestRules: each rule reports its misuse, and is silent about the counterpart.
func TestRules(t *testing.T) {
	s := New(false)
	for _, c := range misuses() {
		var bad, good Report
		s.Text(&bad, c.file, []byte(c.bad))
		s.Text(&good, c.file, []byte(c.good))
		if len(bad.Findings) != 1 || bad.Findings[0].Rule != c.rule {
			t.Errorf("%s: %q gave %+v", c.rule, c.bad, bad.Findings)
		}
		if len(good.Findings) != 0 {
			t.Errorf("%s: the clean %q gave %+v", c.rule, c.good, good.Findings)
		}
	}
}

// TestTranslations: texts for people are no settings, files that are named alike are.
func TestTranslations(t *testing.T) {
	s := New(false)
	for file, want := range map[string]int{"lang/messages/sv-SE.json": 0, "frontend/lang/de.json": 0, "i18n/pt_BR.yaml": 0, "conf/de.json": 1, "db.json": 1, "lang/messages/conf.json": 1, "my-app.json": 1} {
		var r Report
		s.Text(&r, file, []byte(`{"password": "hunter2-Xq9"}`))
		if len(r.Findings) != want {
			t.Errorf("%s: %d findings, want %d", file, len(r.Findings), want)
		}
	}
}

// TestKeysAreFoundAndMasked: a key in any text is found, and no report shows it.
func TestKeysAreFoundAndMasked(t *testing.T) {
	_, v, err := apikey.Generate(apikey.Live)
	if err != nil {
		t.Fatal(err)
	}
	key := string(v.Expose())
	var r Report
	s := New(false)
	s.Text(&r, "x.log", []byte("GET /\r\nkey "+key+"\n"))
	if len(r.Findings) != 1 || r.Findings[0].Rule != sanmonKey || r.Findings[0].Line != 2 || r.Findings[0].Column != 5 {
		t.Fatalf("%+v", r.Findings)
	}
	if strings.Contains(r.Findings[0].Excerpt, key[22:]) {
		t.Error("the excerpt shows the secret")
	}
	var wrong Report
	s.Text(&wrong, "x.log", []byte(key[:len(key)-1]+"\n"))
	if len(wrong.Findings) != 0 {
		t.Errorf("a key with a wrong checksum was reported: %+v", wrong.Findings)
	}
}

func TestAllow(t *testing.T) {
	s := New(false)
	for _, c := range []struct {
		text             string
		found, permitted int
	}{
		{"x = mark_safe(n) # sanmon:allow mark-safe cleaned when stored", 0, 1},
		{"x = mark_safe(n) # sanmon:allow mark-safe", 1, 0},
		{"x = mark_safe(n) # sanmon:allow inner-html reason", 1, 0},
	} {
		var r Report
		s.Text(&r, "a.py", []byte(c.text))
		if len(r.Findings) != c.found || len(r.Allowed) != c.permitted {
			t.Errorf("%q: %+v", c.text, r)
		}
	}
}

func FuzzText(f *testing.F) {
	s := New(true)
	f.Add("a.py", []byte("f'{x' \\\n\"\"\" mark_safe("))
	f.Add("a.js", []byte("`${`${ localStorage.setItem("))
	f.Add("a.html", []byte("{{ x|safe <script>`${token"))
	f.Fuzz(func(t *testing.T, name string, b []byte) {
		s.Text(&Report{}, name, b)
		for _, n := range []string{"a.py", "a.js", "a.html", "a.yaml", "a.json", "a.go"} {
			s.Text(&Report{}, n, b)
		}
	})
}

func BenchmarkText(b *testing.B) {
	s := New(false)
	text := bytes.Repeat([]byte("def area(width, height):\n    return width * height  # plain code\n\n"), 16<<10)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		s.Text(&Report{}, "a.py", text)
	}
}

// TestNestingIsBounded: neither brackets in brackets nor findings without number cost
// their square.
func TestNestingIsBounded(t *testing.T) {
	s := New(false)
	for _, text := range []string{"token=[", "mark_safe(", "x = mark_safe(n)\n"} {
		var r Report
		s.Text(&r, "a.py", bytes.Repeat([]byte(text), 20000))
		if len(r.Findings) > maxHits {
			t.Errorf("%q: %d findings", text, len(r.Findings))
		}
	}
}

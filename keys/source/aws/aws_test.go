package aws

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/keys/source/ask"
	"github.com/sanmon-gate/sanmon/secret"
)

const canary = "c4nary-v4lue-that-must-not-be-shown"

// The key and the credentials of AWS's own test suite for Signature Version 4.
var (
	example = Credentials{ID: "AKIDEXAMPLE", Secret: secret.NewString("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")}
	moment  = time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC)
)

func TestSigningKey(t *testing.T) { // "Deriving the signing key", AWS General Reference
	if got := hex.EncodeToString(signingKey(example.Secret, "20150830", "us-east-1", "iam")); got != "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9" {
		t.Error(got)
	}
}

func TestSign(t *testing.T) { // aws-sig-v4-test-suite: post-vanilla, post-x-www-form-urlencoded
	for _, tt := range []struct{ contentType, body, want string }{
		{"", "", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		{"application/x-www-form-urlencoded", "Param1=value1", "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
	} {
		r := &request{host: "example.amazonaws.com", header: map[string]string{}, body: []byte(tt.body)}
		if tt.contentType != "" {
			r.header["content-type"] = tt.contentType
		}
		if got := sign(r, example, "us-east-1", "service", moment); got != tt.want {
			t.Errorf("got  %s\nwant %s", got, tt.want)
		}
	}
}

// service answers as Secrets Manager does: its error types, and only to a signed question.
func service(t *testing.T, key Credentials) (*httptest.Server, *int) {
	asked := 0
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		body, _ := io.ReadAll(r.Body)
		again := &request{host: r.Host, body: body, header: map[string]string{"content-type": r.Header.Get("Content-Type"), "x-amz-target": r.Header.Get("X-Amz-Target")}}
		no := func(kind string) {
			w.WriteHeader(400)
			_, _ = io.WriteString(w, `{"__type":"`+kind+`","Message":"`+canary+`"}`)
		}
		if sign(again, key, "eu-central-1", "secretsmanager", moment) != r.Header.Get("Authorization") || r.Header.Get("X-Amz-Security-Token") != string(key.Session.Expose()) {
			no("InvalidSignatureException")
			return
		}
		var in struct{ SecretId, VersionStage string }
		if json.Unmarshal(body, &in) != nil || r.Method != "POST" || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "secretsmanager.GetSecretValue" {
			no("InvalidParameterException")
			return
		}
		switch in.SecretId + "@" + in.VersionStage {
		case "prod/db@":
			_, _ = io.WriteString(w, `{"ARN":"a","Name":"prod/db","VersionId":"v","SecretString":"{\"password\":\"`+canary+`\",\"port\":5432}","VersionStages":["AWSCURRENT"],"CreatedDate":1.5}`)
		case "prod/db@AWSPREVIOUS":
			_, _ = io.WriteString(w, `{"Name":"prod/db","SecretString":"older"}`)
		case "arn:aws:secretsmanager:eu-central-1:1:secret:x-AbCdEf@":
			_, _ = io.WriteString(w, `{"SecretBinary":"AAEC"}`)
		case "denied@":
			no("AccessDeniedException")
		case "deleted@":
			no("InvalidRequestException")
		case "html@":
			_, _ = io.WriteString(w, "<html>"+canary)
		default:
			no("com.amazonaws.secretsmanager#ResourceNotFoundException")
		}
	}))
	t.Cleanup(s.Close)
	return s, &asked
}

func TestFetch(t *testing.T) {
	key := example
	key.Session = secret.NewString("session-1")
	s, asked := service(t, key)
	send := ask.With(s.Client())
	c := &Client{Endpoint: s.URL, Region: "eu-central-1", Now: func() time.Time { return moment }, Credentials: func(context.Context) (Credentials, error) { return key, nil },
		Post: func(ctx context.Context, at string, header map[string]string, body []byte) (int, []byte, error) {
			return send(ctx, "POST", at, header, body)
		}}
	r := &source.Resolver{AWS: c}
	for _, tt := range []struct{ ref, want, err string }{
		{"awssm://prod/db#password", canary, ""},
		{"awssm://prod/db?stage=AWSPREVIOUS", "older", ""},
		{"awssm://arn:aws:secretsmanager:eu-central-1:1:secret:x-AbCdEf", "\x00\x01\x02", ""},
		{"awssm://prod/db#password?region=us-east-1", "", "credentials are not taken"},
		{"awssm://prod/db#port", "", "no text"},
		{"awssm://prod/db#none", "", "no field"},
		{"awssm://prod/db#password?stage=AWSPREVIOUS", "", "no JSON object"},
		{"awssm://arn:aws:secretsmanager:eu-central-1:1:secret:x-AbCdEf#a", "", "no text"},
		{"awssm://nowhere", "", "does not exist"},
		{"awssm://denied", "", "allow secretsmanager:GetSecretValue"},
		{"awssm://deleted", "", "marked for deletion"},
		{"awssm://html", "", "no JSON"},
	} {
		v, err := r.Resolve(t.Context(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("%s: %q, %v", tt.ref, v.Expose(), err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err) || strings.Contains(err.Error(), canary)) {
			t.Errorf("%s: %v, want an error with %q", tt.ref, err, tt.err)
		}
	}
	before := *asked
	c.Region = ""
	if _, err := r.Resolve(t.Context(), "awssm://prod/db"); err == nil || !strings.Contains(err.Error(), "region") || *asked != before {
		t.Errorf("no region: %v", err)
	}
}

func TestEndpoint(t *testing.T) {
	var at string
	c := &Client{Region: "eu-west-1", Credentials: func(context.Context) (Credentials, error) { return example, nil }, Post: func(_ context.Context, endpoint string, _ map[string]string, _ []byte) (int, []byte, error) {
		at = endpoint
		return 0, nil, errors.New("not asked")
	}}
	for ref, want := range map[string]string{
		"awssm://x?region=eusc-de-east-1": "https://secretsmanager.eusc-de-east-1.amazonaws.eu", "awssm://x?region=us-isob-east-1": "https://secretsmanager.us-isob-east-1.sc2s.sgov.gov",
		"awssm://x": "https://secretsmanager.eu-west-1.amazonaws.com", "awssm://x?region=cn-north-1": "https://secretsmanager.cn-north-1.amazonaws.com.cn",
		"awssm://arn:aws:secretsmanager:us-east-2:1:secret:x": "https://secretsmanager.us-east-2.amazonaws.com",
	} {
		if _, err := (&source.Resolver{AWS: c}).Resolve(t.Context(), ref); err == nil || at != want {
			t.Errorf("%s asks %s, want %s", ref, at, want)
		}
	}
	for given, want := range map[string]string{"https://vpce.example:443": "https://vpce.example", "http://127.0.0.1:80": "http://127.0.0.1", "https://vpce.example:80": "https://vpce.example:80", "http://127.0.0.1:4566": "http://127.0.0.1:4566"} {
		c.Endpoint = given
		if _, err := (&source.Resolver{AWS: c}).Resolve(t.Context(), "awssm://x"); err == nil || at != want {
			t.Errorf("at %s it asks %s, want %s", given, at, want)
		}
	}
}

func TestChain(t *testing.T) {
	const given = `{"AccessKeyId":"ASIA1","SecretAccessKey":"s","Token":"t","Expiration":"2015-08-30T18:36:00Z"}`
	answers := map[string]string{
		"GET http://169.254.170.2/v2/credentials/x": given, "PUT http://169.254.169.254/latest/api/token": "imds-token",
		"GET http://169.254.169.254/latest/meta-data/iam/security-credentials/":       "role-1\n",
		"GET http://169.254.169.254/latest/meta-data/iam/security-credentials/role-1": strings.Replace(given, "ASIA1", "ASIA2", 1),
		"GET http://127.0.0.1:51679/c":                                                strings.Replace(given, "ASIA1", "ASIA3", 1),
	}
	for name, tt := range map[string]struct {
		env      map[string]string
		id, fail string
		gone     bool
	}{
		"environment":      {map[string]string{"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}, "AKIA", "", false},
		"half":             {map[string]string{"AWS_ACCESS_KEY_ID": "AKIA"}, "", "set both", false},
		"container":        {map[string]string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials/x"}, "ASIA1", "", false},
		"container, full":  {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:51679/c", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "f"}, "ASIA3", "", false},
		"container, evil":  {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://evil.example/c"}, "", "leads neither", false},
		"container, evil2": {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://localhost:1@evil.example/c"}, "", "leads neither", false},
		"instance":         {map[string]string{}, "ASIA2", "", false},
		"nothing":          {map[string]string{}, "", "there are none", true},
	} {
		now, calls := moment, 0
		c := &Chain{
			Lookup: func(n string) (string, bool) { v, ok := tt.env[n]; return v, ok },
			Read:   func(context.Context, string) (secret.Value, error) { return secret.NewString("bearer"), nil },
			Now:    func() time.Time { return now },
			Get: func(_ context.Context, method, url string, header map[string]string) (int, []byte, error) {
				calls++
				a, ok := answers[method+" "+url]
				switch {
				case tt.gone:
					return 0, nil, errors.New("no route")
				case !ok, strings.Contains(url, "security-credentials") && header["X-aws-ec2-metadata-token"] != "imds-token", strings.Contains(url, "51679") && header["Authorization"] != "bearer":
					return 401, nil, nil
				}
				return 200, []byte(a), nil
			},
		}
		got, err := c.Credentials(t.Context())
		if tt.fail == "" && (err != nil || got.ID != tt.id) || tt.fail != "" && (err == nil || !strings.Contains(err.Error(), tt.fail)) {
			t.Errorf("%s: %q, %v", name, got.ID, err)
		}
		if tt.id != "ASIA1" {
			continue
		}
		before := calls
		now = moment.Add(5*time.Hour + 54*time.Minute)
		if _, err := c.Credentials(t.Context()); err != nil || calls != before {
			t.Errorf("%s: asked again before it must", name)
		}
		now = moment.Add(5*time.Hour + 56*time.Minute)
		if _, err := c.Credentials(t.Context()); err != nil || calls == before {
			t.Errorf("%s: kept to the end", name)
		}
	}
}

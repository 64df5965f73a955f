package peers_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	asking "github.com/sanmon-gate/sanmon/keys/source/ask"
	"github.com/sanmon-gate/sanmon/keys/source/aws"
	"github.com/sanmon-gate/sanmon/secret"
)

type awsKey struct{ ID, Secret, Session string }

// TestMoto: a server that checks signatures and policies as AWS does takes ours, and what it
// refuses and answers is read as it is meant.
func TestMoto(t *testing.T) {
	t.Parallel()
	var moto struct {
		Endpoint, Arn          string
		Reader, Stranger, Role awsKey
	}
	serve(t, "moto_server.py", &moto)
	send := asking.With(&http.Client{Transport: &http.Transport{}})
	of := func(k awsKey) *source.Resolver {
		return &source.Resolver{AWS: &aws.Client{Endpoint: moto.Endpoint, Region: "eu-central-1",
			Credentials: func(context.Context) (aws.Credentials, error) {
				return aws.Credentials{ID: k.ID, Secret: secret.NewString(k.Secret), Session: secret.NewString(k.Session)}, nil
			},
			Post: func(ctx context.Context, at string, header map[string]string, body []byte) (int, []byte, error) {
				return send(ctx, "POST", at, header, body)
			}}}
	}
	var all strings.Builder
	for b := range 256 {
		all.WriteByte(byte(b))
	}
	wrong, lost := moto.Reader, moto.Role
	wrong.Secret += "x"
	lost.Session = "another session"
	for _, tt := range []struct {
		key            awsKey
		ref, want, err string
	}{
		{moto.Reader, "awssm://prod/db#password", "second", ""},
		{moto.Reader, "awssm://prod/db#password?stage=AWSPREVIOUS", "first", ""},
		{moto.Reader, "awssm://" + moto.Arn + "#password", "second", ""},
		{moto.Reader, "awssm://prod/db", `{"password":"second","port":5432}`, ""},
		{moto.Reader, "awssm://a+b=c@d_e.f-g", "odd name", ""},
		{moto.Reader, "awssm://bytes", all.String(), ""},
		{moto.Role, "awssm://prod/db#password", "second", ""},
		{moto.Reader, "awssm://prod/db#none", "", "no field"},
		{moto.Reader, "awssm://nowhere", "", "does not exist"},
		{moto.Reader, "awssm://prod/db?stage=NOWHERE", "", "does not exist"},
		{moto.Reader, "awssm://empty", "", "does not exist"}, // it has no version yet
		{moto.Reader, "awssm://gone", "", "marked for deletion"},
		// Of these, moto says no in XML; the service itself names them, which aws_test.go has.
		{moto.Stranger, "awssm://prod/db", "", "it is refused (look at the credentials"},
		{wrong, "awssm://prod/db", "", "it is refused (look at the credentials"},
		{lost, "awssm://prod/db", "", "it is refused (look at the credentials"},
		{awsKey{ID: "AKIANOBODY", Secret: "x"}, "awssm://prod/db", "", "it is refused (look at the credentials"},
	} {
		v, err := of(tt.key).Resolve(t.Context(), tt.ref)
		if tt.err == "" && (err != nil || string(v.Expose()) != tt.want) {
			t.Errorf("%s: %q, %v", tt.ref, v.Expose(), err)
		}
		if tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
			t.Errorf("%s with %.8s: %v, want an error with %q", tt.ref, tt.key.ID, err, tt.err)
		}
	}
}

// TestMotoInstance: credentials of an instance are read as its metadata service gives them.
func TestMotoInstance(t *testing.T) {
	t.Parallel()
	var moto struct{ Endpoint string }
	serve(t, "moto_server.py", &moto)
	send := asking.With(&http.Client{Transport: &http.Transport{}})
	var asked []string
	c := &aws.Chain{Lookup: func(string) (string, bool) { return "", false },
		Get: func(ctx context.Context, method, url string, header map[string]string) (int, []byte, error) {
			path, ok := strings.CutPrefix(url, "http://169.254.169.254/")
			if !ok {
				t.Errorf("%s is not the metadata service", url)
			}
			asked = append(asked, method+" "+path)
			return send(ctx, method, moto.Endpoint+"/"+path, header, nil)
		}}
	got, err := c.Credentials(t.Context())
	if err != nil || got.ID != "test-key" || string(got.Secret.Expose()) != "test-secret-key" || string(got.Session.Expose()) != "test-session-token" || time.Until(got.Until) < time.Hour {
		t.Errorf("%+v, %v after %q", got, err, asked)
	}
}

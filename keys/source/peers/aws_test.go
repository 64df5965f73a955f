package peers_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/keys/source/aws"
	"github.com/sanmon-gate/sanmon/secret"
)

// question is one GetSecretValue: what it is asked with, and what we sent.
type question struct {
	ID, Secret, Session string
	Region, Name, Stage string
	Time                int64
	Endpoint            string
	Header              map[string]string
	Body                string
}

// send lets our client ask, and keeps its request.
func (q *question) send(t *testing.T) {
	t.Helper()
	c := &aws.Client{Region: q.Region, Endpoint: q.Endpoint, Now: func() time.Time { return time.Unix(q.Time, 0) },
		Credentials: func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{ID: q.ID, Secret: secret.NewString(q.Secret), Session: secret.NewString(q.Session)}, nil
		},
		Post: func(_ context.Context, endpoint string, header map[string]string, body []byte) (int, []byte, error) {
			q.Endpoint, q.Header, q.Body = endpoint, maps.Clone(header), string(body)
			return 0, nil, errors.New("not sent")
		}}
	at := source.Location{Path: q.Name, Params: map[string]string{}}
	if q.Stage != "" {
		at.Params["stage"] = q.Stage
	}
	if _, err := c.Fetch(t.Context(), at); err == nil || q.Header == nil {
		t.Fatalf("%s: nothing was asked", q.Name)
	}
}

// questions are rows that a signature could go wrong on.
func questions() (all []question) {
	names := []string{"prod/db", "a+b=c@d_e.f-g", "arn:aws:secretsmanager:eu-central-1:123456789012:secret:prod/db-AbCdEf", "with blank", `quo"te\back`, "<&>", "ümläut/秘密/🔑", "line\nend", "tab\tsep", "a%2Fb", strings.Repeat("n", 512)}
	keys := []string{"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "short", strings.Repeat("k", 130) + "/+="}
	for i, name := range names {
		q := question{ID: "AKIDEXAMPLE", Secret: keys[i%len(keys)], Region: []string{"eu-central-1", "us-gov-west-1", "cn-north-1"}[i%3], Name: name, Time: 1440938160 + int64(i)*86399}
		if i%2 == 1 {
			q.Session = "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaDGV1+/=" + strings.Repeat("T", 900)
		}
		if i%3 == 1 {
			q.Stage = "AWSPREVIOUS"
		}
		if strings.HasPrefix(name, "arn:") {
			q.Region = "eu-central-1"
		}
		all = append(all, q)
	}
	for _, endpoint := range []string{"https://vpce-0abc.secretsmanager.eu-central-1.vpce.amazonaws.com", "https://vpce.example:8443", "https://vpce.example:443", "http://127.0.0.1:80", "http://[::1]:4566"} {
		all = append(all, question{ID: "AKIDEXAMPLE", Secret: keys[0], Region: "eu-central-1", Name: "prod/db", Time: 951782400, Endpoint: endpoint}) // 29 February 2000
	}
	return all
}

// TestSignatureIsThatOfBotocore: botocore signs the requests that we send as we do, and its own
// client sends the same question, signed over the same fields.
func TestSignatureIsThatOfBotocore(t *testing.T) {
	t.Parallel()
	all := questions()
	named := make([]bool, len(all))
	for i := range all {
		named[i] = all[i].Endpoint == "" // the service's own
		all[i].send(t)
	}
	var answers []struct {
		Signed  struct{ Authorization, Canonical string }
		Emitted struct {
			Method, URL, Body string
			Header            map[string]string
		}
	}
	ask(t, "botocore_sign.py", lower(t, all), &answers)
	if len(answers) != len(all) {
		t.Fatalf("%d answers to %d questions", len(answers), len(all))
	}
	for i, q := range all {
		theirs := answers[i].Emitted
		if got := q.Header["authorization"]; got != answers[i].Signed.Authorization {
			t.Errorf("%.40q at %s:\nours     %s\nbotocore %s\nits canonical request:\n%s", q.Name, q.Endpoint, got, answers[i].Signed.Authorization, answers[i].Signed.Canonical)
		}
		for _, name := range []string{"content-type", "x-amz-target", "x-amz-date", "x-amz-security-token"} {
			if q.Header[name] != theirs.Header[name] {
				t.Errorf("%.40q: %s is %q, botocore sends %q", q.Name, name, q.Header[name], theirs.Header[name])
			}
		}
		if ours, other := signedFields(q.Header["authorization"]), signedFields(theirs.Header["authorization"]); ours != other {
			t.Errorf("%.40q: signed are %q, by botocore %q", q.Name, ours, other)
		}
		if !sameJSON(t, q.Body, theirs.Body) || theirs.Method != "POST" {
			t.Errorf("%.40q: we send %s, botocore %s %s", q.Name, q.Body, theirs.Method, theirs.Body)
		}
		if named[i] && q.Endpoint+"/" != theirs.URL {
			t.Errorf("%.40q: we ask %s, botocore %s", q.Name, q.Endpoint, theirs.URL)
		}
	}
}

// TestPlacesOfBotocore: each region's endpoint is the one that botocore knows, and no address
// gives credentials that botocore would not take them from.
func TestPlacesOfBotocore(t *testing.T) {
	t.Parallel()
	urls := []string{"https://agent.example/c", "http://127.0.0.1/c", "http://127.0.0.1:51679/c", "http://localhost:1/c", "http://[::1]:1/c", "http://169.254.170.2/c", "http://169.254.170.23/v1/credentials", "http://[fd00:ec2::23]/v1/credentials",
		"http://evil.example/c", "http://localhost@evil.example/c", "http://localhost:1@evil.example/c", "http://127.0.0.1.evil.example/c", "http://localhost.evil.example/", "http://169.254.170.2.evil.example/", "http://169.254.169.254/c", "http://10.0.0.1/c", "ftp://evil.example/c", "evil.example", ""}
	var known struct {
		Endpoints map[string]string
		Trusted   map[string]bool
	}
	ask(t, "botocore_places.py", urls, &known)
	if len(known.Endpoints) < 40 {
		t.Fatalf("botocore knows only %d regions", len(known.Endpoints))
	}
	for _, region := range slices.Sorted(maps.Keys(known.Endpoints)) {
		q := question{ID: "a", Secret: "b", Region: region, Name: "x"}
		q.send(t)
		if q.Endpoint != known.Endpoints[region] {
			t.Errorf("%s: we ask %s, botocore %s", region, q.Endpoint, known.Endpoints[region])
		}
	}
	for _, url := range urls {
		asked := false
		c := &aws.Chain{
			Lookup: func(name string) (string, bool) {
				return map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": url}[name], name == "AWS_CONTAINER_CREDENTIALS_FULL_URI"
			},
			Get: func(_ context.Context, _, at string, _ map[string]string) (int, []byte, error) {
				asked = asked || at == url
				return 0, nil, errors.New("not sent")
			}}
		if _, err := c.Credentials(t.Context()); err == nil || url != "" && asked != known.Trusted[url] {
			t.Errorf("%q: asked %v, botocore would: %v (%v)", url, asked, known.Trusted[url], err)
		}
	}
}

// lower writes questions with the names of their fields in lower case.
func lower(t *testing.T, all []question) (out []map[string]any) {
	t.Helper()
	for _, q := range all {
		row := map[string]any{}
		for v, i := reflect.ValueOf(q), 0; i < v.NumField(); i++ {
			row[strings.ToLower(v.Type().Field(i).Name)] = v.Field(i).Interface()
		}
		out = append(out, row)
	}
	return out
}

func signedFields(authorization string) string {
	_, after, _ := strings.Cut(authorization, "SignedHeaders=")
	fields, _, _ := strings.Cut(after, ",")
	return fields
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	var x, y any
	if err := errors.Join(json.Unmarshal([]byte(a), &x), json.Unmarshal([]byte(b), &y)); err != nil {
		t.Fatal(err)
	}
	return reflect.DeepEqual(x, y)
}

// Package aws fetches secrets from AWS Secrets Manager over its HTTP API, signed by hand
// (Signature Version 4): one action is all that is needed, and the library of AWS would be
// larger than the rest of a program.
package aws

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/keys/source"
	"github.com/sanmon-gate/sanmon/secret"
)

// Credentials sign requests.
type Credentials struct {
	ID      string       // of the access key; no secret
	Secret  secret.Value // of the access key
	Session secret.Value // session token; empty for long-lived keys
	Until   time.Time    // zero: they do not end
}

// Post sends a body to the root of an endpoint and returns status and at most a mebibyte of
// answer. header has lower-case names.
type Post func(ctx context.Context, endpoint string, header map[string]string, body []byte) (status int, answer []byte, err error)

// Client fetches secrets. Its fields are set before use. It is safe for concurrent use.
type Client struct {
	Post        Post
	Credentials func(context.Context) (Credentials, error)
	Region      string           // of references that name none; an ARN names its own
	Endpoint    string           // scheme://host[:port]; "": that of the region
	Now         func() time.Time // nil: time.Now
}

var _ source.Remote = (*Client)(nil)

// Fetch implements source.Remote: the action GetSecretValue.
func (c *Client) Fetch(ctx context.Context, at source.Location) (secret.Value, error) {
	region := c.region(at)
	if region == "" {
		return secret.Value{}, errors.New("no region is known (add ?region=… to the reference, or write secrets.aws.region)")
	}
	endpoint := withoutPort(c.Endpoint)
	if endpoint == "" {
		endpoint = "https://secretsmanager." + region + "." + domain(region)
	}
	credentials, err := c.Credentials(ctx)
	if err != nil {
		return secret.Value{}, err
	}
	ask := map[string]string{"SecretId": at.Path}
	if stage := at.Params["stage"]; stage != "" {
		ask["VersionStage"] = stage
	}
	body, err := json.Marshal(ask)
	if err != nil {
		return secret.Value{}, fmt.Errorf("write the question: %w", err)
	}
	_, host, _ := strings.Cut(endpoint, "://")
	r := &request{host: host, body: body, header: map[string]string{"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"}}
	r.header["authorization"] = sign(r, credentials, region, "secretsmanager", c.now())
	status, answer, err := c.Post(ctx, endpoint, r.header, body)
	if err != nil {
		return secret.Value{}, err
	}
	defer clear(answer)
	if status != 200 {
		return secret.Value{}, explain(status, answer)
	}
	return value(answer, at.Field)
}

// region is that of the reference, of its ARN (arn:aws:secretsmanager:REGION:…), or ours.
func (c *Client) region(at source.Location) string {
	if r := at.Params["region"]; r != "" {
		return r
	}
	if p := strings.Split(at.Path, ":"); len(p) > 5 && p[0] == "arn" && strings.Trim(p[3], "abcdefghijklmnopqrstuvwxyz0123456789-") == "" {
		return p[3]
	}
	return c.Region
}

// domains are those of the partitions that have one of their own, by how the names of their
// regions begin (botocore, partitions.json).
var domains = [...]struct{ region, domain string }{
	{"cn-", "amazonaws.com.cn"},
	{"eusc-", "amazonaws.eu"},
	{"us-iso-", "c2s.ic.gov"},
	{"us-isob-", "sc2s.sgov.gov"},
	{"eu-isoe-", "cloud.adc-e.uk"},
	{"us-isof-", "csp.hci.ic.gov"},
}

// domain is below what the service of a region is.
func domain(region string) string {
	for _, d := range domains {
		if strings.HasPrefix(region, d.region) {
			return d.domain
		}
	}
	return "amazonaws.com"
}

// withoutPort takes off the port that a scheme has anyway: whoever signs for the service
// leaves it out of the host.
func withoutPort(endpoint string) string {
	if short, ok := strings.CutSuffix(endpoint, ":443"); ok && strings.HasPrefix(endpoint, "https://") {
		return short
	}
	if short, ok := strings.CutSuffix(endpoint, ":80"); ok && strings.HasPrefix(endpoint, "http://") {
		return short
	}
	return endpoint
}

// value takes the text, the binary, or one member of a JSON object.
func value(answer []byte, field string) (secret.Value, error) {
	var read struct {
		SecretString *string
		SecretBinary *string
	}
	if json.Unmarshal(answer, &read) != nil {
		return secret.Value{}, errors.New("the answer is no JSON (is the endpoint that of Secrets Manager?)")
	}
	switch {
	case read.SecretString != nil && field != "":
		return source.Member([]byte(*read.SecretString), field)
	case read.SecretString != nil:
		return secret.NewString(*read.SecretString), nil
	case read.SecretBinary != nil && field == "":
		b, err := base64.StdEncoding.DecodeString(*read.SecretBinary)
		defer clear(b)
		if err != nil {
			return secret.Value{}, errors.New("the binary value is not base64")
		}
		return secret.New(b), nil
	}
	return secret.Value{}, errors.New("the secret has no text that a field could be taken of")
}

// explain says what an error means (API Reference, Common Errors and GetSecretValue). What
// the service wrote beside the type is not repeated.
func explain(status int, answer []byte) error {
	var read struct {
		Type string `json:"__type"`
	}
	_ = json.Unmarshal(answer, &read)
	_, kind, found := strings.Cut(read.Type, "#")
	if !found {
		kind = read.Type
	}
	switch kind {
	case "ResourceNotFoundException":
		return fmt.Errorf("%w there (look at name, region and stage)", source.ErrAbsent)
	case "AccessDeniedException":
		return errors.New("the service refuses it (allow secretsmanager:GetSecretValue, and kms:Decrypt for a key of your own)")
	case "InvalidRequestException":
		return errors.New("the secret is marked for deletion, or has no version in this stage (restore it)")
	case "DecryptionFailure", "DecryptionFailureException":
		return errors.New("the service cannot decrypt it (look at its KMS key)")
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "ExpiredTokenException", "IncompleteSignature", "SignatureDoesNotMatch":
		return errors.New("the credentials are not taken: wrong, expired, or the clock of this machine is off")
	case "ThrottlingException":
		return errors.New("the service has too much to do (it is asked again later)")
	}
	if status == 401 || status == 403 { // from a gateway before the service, or in other words
		return errors.New("it is refused (look at the credentials, the clock of this machine, the policy of the endpoint, and allow secretsmanager:GetSecretValue)")
	}
	return fmt.Errorf("the service answered with status %d (look at the region and the service's status)", status)
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

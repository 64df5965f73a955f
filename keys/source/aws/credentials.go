package aws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sanmon-gate/sanmon/secret"
)

// Get asks an address on this machine or link, PUT for the token of IMDSv2.
type Get func(ctx context.Context, method, url string, header map[string]string) (status int, answer []byte, err error)

// Chain finds credentials: of the environment, of the container, of the instance, in this
// order. Temporary ones are kept until five minutes before their end.
type Chain struct {
	Lookup func(string) (string, bool)                         // finds an environment variable
	Read   func(context.Context, string) (secret.Value, error) // reads a file
	Get    Get
	Now    func() time.Time // nil: time.Now

	held atomic.Pointer[Credentials]
}

// The addresses of the container and the instance (Amazon ECS Developer Guide, task IAM
// roles; Amazon EC2 User Guide, IMDSv2). They are on the link and speak HTTP only.
const (
	container = "http://169.254.170.2"
	instance  = "http://169.254.169.254"
)

// Credentials finds them.
func (c *Chain) Credentials(ctx context.Context) (Credentials, error) {
	if id, ok := c.Lookup("AWS_ACCESS_KEY_ID"); ok && id != "" {
		key, _ := c.Lookup("AWS_SECRET_ACCESS_KEY")
		session, _ := c.Lookup("AWS_SESSION_TOKEN")
		if key == "" {
			return Credentials{}, errors.New("AWS_ACCESS_KEY_ID is set and AWS_SECRET_ACCESS_KEY is not (set both)")
		}
		return Credentials{ID: id, Secret: secret.NewString(key), Session: secret.NewString(session)}, nil
	}
	now := time.Now
	if c.Now != nil {
		now = c.Now
	}
	if held := c.held.Load(); held != nil && (held.Until.IsZero() || now().Before(held.Until.Add(-5*time.Minute))) {
		return *held, nil
	}
	found, err := c.temporary(ctx)
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials: %w", err)
	}
	c.held.Store(&found)
	return found, nil
}

func (c *Chain) temporary(ctx context.Context) (Credentials, error) {
	if path, ok := c.Lookup("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"); ok && strings.HasPrefix(path, "/") {
		return c.read(ctx, container+path, nil)
	}
	if url, ok := c.Lookup("AWS_CONTAINER_CREDENTIALS_FULL_URI"); ok && url != "" {
		if !trusted(url) {
			return Credentials{}, errors.New("AWS_CONTAINER_CREDENTIALS_FULL_URI leads neither to this machine nor over https")
		}
		header := map[string]string{}
		if path, ok := c.Lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"); ok && path != "" {
			token, err := c.Read(ctx, path)
			if err != nil {
				return Credentials{}, err
			}
			header["Authorization"] = string(token.Expose())
		} else if token, ok := c.Lookup("AWS_CONTAINER_AUTHORIZATION_TOKEN"); ok && token != "" {
			header["Authorization"] = token
		}
		return c.read(ctx, url, header)
	}
	return c.ofInstance(ctx)
}

// trusted reports whether credentials may come from an address: as the tools of AWS judge it.
func trusted(url string) bool {
	for _, start := range []string{"https://", "http://127.0.0.1/", "http://127.0.0.1:", "http://localhost/", "http://localhost:", "http://[::1]/", "http://[::1]:", container + "/", "http://169.254.170.23/", "http://[fd00:ec2::23]/"} {
		if strings.HasPrefix(url, start) && !strings.Contains(url, "@") {
			return true
		}
	}
	return false
}

// ofInstance asks the metadata service of the instance, version 2 only.
func (c *Chain) ofInstance(ctx context.Context) (Credentials, error) {
	status, token, err := c.Get(ctx, "PUT", instance+"/latest/api/token", map[string]string{"X-aws-ec2-metadata-token-ttl-seconds": "300"})
	if err != nil || status != 200 || len(token) == 0 {
		return Credentials{}, errors.New("there are none: not in the environment, and neither a container nor an instance gives any (set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the instance a role)")
	}
	header := map[string]string{"X-aws-ec2-metadata-token": strings.TrimSpace(string(token))}
	const roles = instance + "/latest/meta-data/iam/security-credentials/"
	status, role, err := c.Get(ctx, "GET", roles, header)
	name, _, _ := strings.Cut(strings.TrimSpace(string(role)), "\n")
	if err != nil || status != 200 || name == "" || strings.ContainsAny(name, "/?#% ") {
		return Credentials{}, errors.New("the instance has no role (give it an instance profile)")
	}
	return c.read(ctx, roles+name, header)
}

func (c *Chain) read(ctx context.Context, url string, header map[string]string) (Credentials, error) {
	status, answer, err := c.Get(ctx, "GET", url, header)
	if err != nil {
		return Credentials{}, err
	}
	defer clear(answer)
	var read struct {
		AccessKeyId, SecretAccessKey, Token string
		Expiration                          time.Time
	}
	if status != 200 || json.Unmarshal(answer, &read) != nil || read.AccessKeyId == "" || read.SecretAccessKey == "" {
		return Credentials{}, fmt.Errorf("the container or instance answered with status %d and no credentials", status)
	}
	return Credentials{ID: read.AccessKeyId, Secret: secret.NewString(read.SecretAccessKey), Session: secret.NewString(read.Token), Until: read.Expiration}, nil
}

package oauth

import (
	"errors"
	"time"

	"github.com/sanmon-gate/sanmon/identity/dpop"
	"github.com/sanmon-gate/sanmon/identity/refresh"
	"github.com/sanmon-gate/sanmon/refusal"
)

// The words of errors (RFC 6749, Sections 4.1.2.1 and 5.2; RFC 8707, Section 2; OpenID
// Connect Core, Section 3.1.2.6; RFC 9449, Sections 5 and 8).
const (
	CodeRequest      = "invalid_request"
	CodeClient       = "invalid_client"
	CodeGrant        = "invalid_grant"
	CodeUnauthorized = "unauthorized_client"
	CodeGrantType    = "unsupported_grant_type"
	CodeResponseType = "unsupported_response_type"
	CodeScope        = "invalid_scope"
	CodeTarget       = "invalid_target"
	CodeDenied       = "access_denied"
	CodeServer       = "server_error"
	CodeUnavailable  = "temporarily_unavailable"
	CodeLogin        = "login_required"
	CodeRequestParam = "request_not_supported"
	CodeRequestURI   = "request_uri_not_supported"
)

// badRequest is the status of nearly every error (RFC 6749, Section 5.2).
const badRequest = 400

// Error is a no in the words of OAuth. It wraps the operator's half, a *refusal.Refusal.
type Error struct {
	Code        string
	Description string // for the developer of the client: ASCII without " and \
	Status      int
	Challenge   string        // value of WWW-Authenticate, "" none
	Nonce       string        // value of DPoP-Nonce, "" none
	RetryAfter  time.Duration // 0 none
	Err         error
}

// Error gives the operator's text.
func (e *Error) Error() string { return e.Code + ": " + e.Err.Error() }

// Unwrap returns the operator's half.
func (e *Error) Unwrap() error { return e.Err }

func failed(code, description, format string, args ...any) *Error {
	as, status := refusal.InputInvalid, badRequest
	switch code {
	case CodeClient:
		as, status = refusal.TokenInvalid, 401
	case CodeGrant:
		as = refusal.TokenInvalid
	}
	return &Error{Code: code, Description: description, Status: status, Err: refusal.New(as, format, args...)}
}

// From puts any error into the words of OAuth. What nobody declared is server_error.
// From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	no := refusal.From(err)
	e := &Error{Status: no.Status(), RetryAfter: no.RetryAfter, Err: no}
	if p, ok := errors.AsType[*dpop.Problem](err); ok {
		e.Code, e.Description, e.Status, e.Nonce = p.Code, p.Description(), badRequest, p.Nonce
		return e
	}
	switch no.Code {
	case refusal.Busy, refusal.RateLimited:
		e.Code, e.Description = CodeUnavailable, "please try again in a moment"
	case refusal.TokenInvalid, refusal.TokenExpired, refusal.TokenRevoked, refusal.StepUpRequired:
		e.Code, e.Description, e.Status = CodeGrant, "the grant is not valid, has expired or was revoked", badRequest
		if errors.Is(err, refresh.ErrScope) {
			e.Code, e.Description = CodeScope, "the scope is wider than what was granted"
		}
	case refusal.Internal:
		e.Code, e.Description = CodeServer, "something went wrong on our side"
	default:
		e.Code, e.Description = CodeRequest, "the request is not valid"
	}
	return e
}

// Words is the error as an answer has it (RFC 6749, Section 5.2).
func (e *Error) Words() map[string]string {
	return map[string]string{"error": e.Code, "error_description": e.Description}
}

func unauthenticated(header bool, format string, args ...any) *Error {
	e := failed(CodeClient, "the client is unknown, or did not prove who it is", format, args...)
	if header { // RFC 6749, Section 5.2: the scheme that was used
		e.Challenge = `Basic realm="sanmon", charset="UTF-8"`
	}
	return e
}

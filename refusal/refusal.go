// Package refusal is the vocabulary of "no": the codes a client may see, and the
// two texts of each refusal, one for the client and one for the operator.
//
// Every layer refuses by returning a *Refusal as an error. An error that is none
// is a failure that nobody declared; From turns it into an internal refusal, so
// that the gate fails closed.
package refusal

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// Code names a refusal for programs. The set and its status codes are a contract.
type Code string

// The codes of the contract.
const (
	TargetAmbiguous     Code = "target_ambiguous"
	HeaderAmbiguous     Code = "header_ambiguous"
	CredentialAmbiguous Code = "credential_ambiguous"
	CredentialInURL     Code = "credential_in_url"

	LoginRequired  Code = "login_required"
	LoginFailed    Code = "login_failed"
	SessionExpired Code = "session_expired"
	TokenInvalid   Code = "token_invalid"
	TokenExpired   Code = "token_expired"
	TokenRevoked   Code = "token_revoked"
	KeyInvalid     Code = "key_invalid"
	StepUpRequired Code = "step_up_required"

	OriginForeign     Code = "origin_foreign"
	HTTPSRequired     Code = "https_required"
	NetworkDenied     Code = "network_denied"
	CSRFMissing       Code = "csrf_missing"
	CSRFInvalid       Code = "csrf_invalid"
	PermissionMissing Code = "permission_missing"

	RouteUnknown        Code = "route_unknown"
	MethodNotAllowed    Code = "method_not_allowed"
	CSRFSpent           Code = "csrf_spent"
	BodyTooLarge        Code = "body_too_large"
	TypeNotAllowed      Code = "type_not_allowed"
	HostUnknown         Code = "host_unknown"
	InputInvalid        Code = "input_invalid"
	RateLimited         Code = "rate_limited"
	Internal            Code = "internal"
	UpstreamUnreachable Code = "upstream_unreachable"
	Busy                Code = "busy"
	UpstreamTimeout     Code = "upstream_timeout"
)

// Layer says which of the gate's parts refused.
type Layer string

// The parts that refuse.
const (
	Web      Layer = "web"
	Identity Layer = "identity"
	Keys     Layer = "keys"
	Policy   Layer = "policy"
	Upstream Layer = "upstream"
	Gate     Layer = "gate"
)

// kind is what a code implies wherever it is used.
type kind struct {
	status int
	layer  Layer
	title  string // what the client may read; never says which credential, key or account
}

var kinds = map[Code]kind{
	TargetAmbiguous:     {400, Web, "The address of this request can be read in more than one way."},
	HeaderAmbiguous:     {400, Web, "The header of this request can be read in more than one way."},
	CredentialAmbiguous: {400, Identity, "This request carries more than one credential."},
	CredentialInURL:     {400, Keys, "A credential must not be part of an address."},

	LoginRequired:  {401, Identity, "You need to sign in first."},
	LoginFailed:    {401, Identity, "The e-mail address or the password is not right."},
	SessionExpired: {401, Identity, "Your session has ended. Please sign in again."},
	TokenInvalid:   {401, Identity, "The access token is not valid."},
	TokenExpired:   {401, Identity, "The access token has expired."},
	TokenRevoked:   {401, Identity, "The access token has been revoked."},
	KeyInvalid:     {401, Keys, "The API key is not valid."},
	StepUpRequired: {401, Policy, "Please sign in again to continue."},

	OriginForeign:     {403, Web, "This request was sent by another site."},
	HTTPSRequired:     {403, Web, "This address is served over HTTPS only."},
	NetworkDenied:     {403, Keys, "Your network is not allowed to do this."},
	CSRFMissing:       {403, Web, "The form's security token is missing. Reload the page and try again."},
	CSRFInvalid:       {403, Web, "The form's security token is not valid. Reload the page and try again."},
	PermissionMissing: {403, Policy, "You are not allowed to do this."},

	RouteUnknown:        {404, Policy, "There is nothing at this address."},
	MethodNotAllowed:    {405, Policy, "This address does not take this method."},
	CSRFSpent:           {409, Web, "This form was already sent."},
	BodyTooLarge:        {413, Web, "The body of this request is too large."},
	TypeNotAllowed:      {415, Web, "The type of this body is not accepted here."},
	HostUnknown:         {421, Web, "This server does not serve this host."},
	InputInvalid:        {422, Web, "The data of this request is not valid."},
	RateLimited:         {429, Keys, "Too many requests. Please wait a moment."},
	Internal:            {500, Gate, "Something went wrong on our side."},
	UpstreamUnreachable: {502, Upstream, "The application cannot be reached at the moment."},
	Busy:                {503, Gate, "The server is busy. Please try again in a moment."},
	UpstreamTimeout:     {504, Upstream, "The application did not answer in time."},
}

// Codes returns every code of the contract with its status.
func Codes() map[Code]int {
	all := make(map[Code]int, len(kinds))
	for code, k := range kinds {
		all[code] = k.status
	}
	return all
}

// Refusal is one "no". The zero value of every field but Code is meaningful.
type Refusal struct {
	Code Code
	// Reason is for the operator: it names the thing, says why, and gives the
	// remedy in brackets. It never contains a credential.
	Reason string
	// Detail, when set, is a sentence for the client beside the title: what to do
	// about it. It never says more about an account or a key than the title.
	Detail string
	// RetryAfter, when positive, is sent as Retry-After, rounded up to seconds.
	RetryAfter time.Duration
	// Challenge, when set, is the value of WWW-Authenticate.
	Challenge string
	// Allow lists the methods for the Allow field of a 405.
	Allow []string
	// Err is the cause, for the log only.
	Err error
}

// New returns a refusal whose reason is formatted for the operator.
func New(code Code, format string, args ...any) *Refusal {
	return &Refusal{Code: code, Reason: fmt.Sprintf(format, args...)}
}

// From returns the refusal that err is or wraps. Any other error becomes Internal,
// with err as its cause. From(nil) is nil.
func From(err error) *Refusal {
	if err == nil {
		return nil
	}
	if r, ok := errors.AsType[*Refusal](err); ok {
		return r
	}
	return &Refusal{Code: Internal, Reason: "an error that no layer declared", Err: err}
}

// Error gives the operator's text.
func (r *Refusal) Error() string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %s: %v", r.Code, r.Reason, r.Err)
	}
	return fmt.Sprintf("%s: %s", r.Code, r.Reason)
}

// Unwrap returns the cause.
func (r *Refusal) Unwrap() error { return r.Err }

// Status is the HTTP status code of the refusal.
func (r *Refusal) Status() int {
	if k, ok := kinds[r.Code]; ok {
		return k.status
	}
	return http.StatusInternalServerError
}

// Layer is the part that refuses with this code.
func (r *Refusal) Layer() Layer {
	if k, ok := kinds[r.Code]; ok {
		return k.layer
	}
	return Gate
}

// Title is the sentence that the client may read, in English.
func (r *Refusal) Title() string {
	if k, ok := kinds[r.Code]; ok {
		return k.title
	}
	return kinds[Internal].title
}

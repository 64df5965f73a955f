package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/caller"
	"github.com/sanmon-gate/sanmon/identity/factor"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/login"
	"github.com/sanmon-gate/sanmon/identity/passkey"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/identity/ticket"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
	"github.com/sanmon-gate/sanmon/keys/apikey"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/web/csrf"
)

// AccountPath is the page of a person's own account.
const AccountPath = Prefix + "account"

// The most that the account page lists and lets a person have.
const (
	maxSessions = 100
	maxKeys     = 50
)

// AccountStore is what the account page reads and changes beside the services.
type AccountStore interface {
	passkey.Store
	login.Passwords
	FederatedOf(ctx context.Context, user string) ([]federation.Link, error)
	UnlinkOwn(ctx context.Context, l federation.Link, o federation.Offered, except string, at time.Time, ev audit.Event) error
	PrincipalByID(ctx context.Context, id string) (principal.Record, error)
	Sessions(ctx context.Context, user string, now time.Time, limit int) ([]session.Record, error)
	KeysOf(ctx context.Context, owner string, limit int) ([]apikey.Record, error)
}

// Account has what the account page works with. All fields but Passkeys must be set.
type Account struct {
	Store    AccountStore
	Sessions *session.Keeper
	Logins   *login.Service
	Factors  *factor.Service
	Office   *ticket.Office
	Passkeys *passkey.Ceremonies // nil: nobody has passkeys
	Keys     *apikey.Service
	Env      apikey.Env

	SecondFactor login.Policy
	Password     bool       // people sign in with passwords
	Providers    []Provider // that people sign in with, in the order of the login page

	// Changed, if set, is told of changes after they were made. It must not wait.
	Changed func(Notice)
}

// Provider is one provider that people sign in with.
type Provider struct{ Name, Issuer string }

// offered are the ways to sign in.
func (a *Account) offered() federation.Offered {
	o := federation.Offered{Password: a.Password, Passkey: a.Passkeys != nil}
	for _, p := range a.Providers {
		o.Issuers = append(o.Issuers, p.Issuer)
	}
	return o
}

// own is somebody on their own page.
type own struct {
	*caller.Caller
	fresh bool // authenticated a moment ago
}

// me is who the page belongs to; refusal.LoginRequired when nobody is signed in.
func (p *Portal) me(r *http.Request, v Visit) (own, error) {
	if p.Account == nil {
		return own{}, refusal.New(refusal.RouteUnknown, "there is no account page here")
	}
	c, err := p.who(r, v)
	if err != nil {
		return own{}, err
	}
	if c == nil {
		return own{}, refusal.New(refusal.LoginRequired, "the account page is for who has signed in")
	}
	return own{c, v.Now.Before(c.SudoUntil)}, nil
}

// account shows the page.
func (p *Portal) account(w http.ResponseWriter, r *http.Request, v Visit) error {
	me, err := p.me(r, v)
	if err != nil {
		if refusal.From(err).Code == refusal.LoginRequired && v.Navigation {
			return seeOther(w, LoginURL(AccountPath))
		}
		return err
	}
	page, err := p.accountView(r, v, me)
	if err != nil {
		return err
	}
	f := p.flashed(w, r, v, me.SID)
	page.Notice, page.Secrets, page.Next, page.Wait = f.Notice, f.Secrets, f.Next, f.Wait
	if f.Error != "" {
		page.Error = views.Fault(f.Error)
	}
	w.Header().Set("Cache-Control", "no-store")
	p.Pages.views.Account(w, r, http.StatusOK, page)
	return nil
}

func (p *Portal) accountView(r *http.Request, v Visit, me own) (views.Account, error) {
	a := p.Account
	page := views.Account{
		Site: p.Pages.site, Email: me.Email, Base: AccountPath, Logout: Prefix + "logout", TokenName: csrf.FieldName,
		Token: p.Tokens.Issue(csrf.Session, me.Bindings[0], "", v.Now), Fresh: me.fresh, StepUp: LoginURL(AccountPath),
		Device:     session.Device(r.Header.Get("User-Agent")),
		PasskeysOn: a.Passkeys != nil, TOTPOn: a.SecondFactor != login.Off, MayRemove: a.SecondFactor != login.Required,
		PasswordOn: a.Password, Scopes: p.Scopes(me.Caller), Lives: []int{7, 30, 90, 365},
	}
	return page, errors.Join(p.viewSessions(r.Context(), &page, me, v.Now), p.viewFactors(r.Context(), &page, me),
		p.viewLinks(r.Context(), &page, me), p.viewKeys(r.Context(), &page, me, v.Now))
}

func (p *Portal) viewSessions(ctx context.Context, page *views.Account, me own, now time.Time) error {
	all, err := p.Account.Store.Sessions(ctx, me.Subject, now, maxSessions)
	for _, s := range all {
		network := ""
		if len(s.Networks) > 0 {
			network = s.Networks[0]
		}
		device := s.Device
		if s.Kind == session.Grant && s.Client != "" {
			device = s.Client
		}
		page.Sessions = append(page.Sessions, views.Session{
			SID: s.SID, Device: device, Program: s.Kind == session.Grant, Network: network, ACR: factors(s.ACR), Created: s.CreatedAt.UTC(), Seen: s.LastSeenAt.UTC(),
			Current: s.SID == me.SID,
		})
	}
	slices.SortStableFunc(page.Sessions, func(a, b views.Session) int {
		if a.Current != b.Current {
			if a.Current {
				return -1
			}
			return 1
		}
		return b.Seen.Compare(a.Seen)
	})
	page.Others = len(all) > 1
	return err
}

func factors(acr string) string {
	switch acr {
	case session.AAL1:
		return "one"
	case session.AAL2:
		return "two"
	}
	return "unknown"
}

func (p *Portal) viewFactors(ctx context.Context, page *views.Account, me own) error {
	user, err := p.Account.Store.PrincipalByID(ctx, me.Subject)
	if err != nil {
		return err
	}
	page.HasPassword = !user.Password.Empty()
	if page.PasskeysOn {
		all, err := p.Account.Store.Passkeys(ctx, me.Subject)
		if err != nil {
			return err
		}
		for _, k := range all {
			page.Passkeys = append(page.Passkeys, views.Passkey{Handle: k.Handle, Name: k.Name, Synced: k.BackedUp,
				Created: k.CreatedAt.UTC(), Used: k.LastUsedAt.UTC(), Flagged: k.FlaggedAt.UTC()})
		}
	}
	if !page.TOTPOn {
		return nil
	}
	t, err := p.Account.Factors.Store.TOTP(ctx, me.Subject)
	if errors.Is(err, factor.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	page.Enrolled, page.EnrolledAt = true, t.CreatedAt.UTC()
	page.CodesLeft, err = p.Account.Factors.Store.RecoveryCodes(ctx, me.Subject)
	return err
}

func (p *Portal) viewKeys(ctx context.Context, page *views.Account, me own, now time.Time) error {
	all, err := p.Account.Store.KeysOf(ctx, me.Subject, maxKeys)
	for _, k := range all {
		page.Keys = append(page.Keys, views.Key{ID: k.ID, Prefix: "smk_" + k.Env + "_" + k.ID, Scopes: k.Scopes, Roles: k.Roles,
			Expires: k.ExpiresAt.UTC(), Used: k.LastUsedAt.UTC(), Network: k.LastUsedNetwork, Expired: !k.ExpiresAt.IsZero() && !now.Before(k.ExpiresAt)})
	}
	return err
}

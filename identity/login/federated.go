package login

import (
	"context"
	"errors"
	"net/mail"
	"slices"
	"strings"
	"time"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/identity/principal"
	"github.com/sanmon-gate/sanmon/identity/session"
	"github.com/sanmon-gate/sanmon/refusal"
	"github.com/sanmon-gate/sanmon/secret"
)

// Federated keeps who is whom at other providers, and their roles.
type Federated interface {
	federation.Store
	// SetRoles is that of principal.Store.
	SetRoles(ctx context.Context, id string, roles []string, ev audit.Event) error
}

// Trust says what a provider is believed.
type Trust struct {
	LinkByEmail bool     // that an address which it calls verified belongs to whom it says
	Create      bool     // that such an address may have an account
	Roles       []string // of those accounts
	RolesClaim  string   // claim with names for RoleMap, "" none
	RoleMap     map[string]string
}

// Federated signs in whom a provider has identified. Who that is here is a matter of the
// link of issuer and subject; an address alone is nobody (OpenID Connect Core, Section
// 5.7). Nobody known is refusal.LoginFailed. A second factor is asked for as beside a
// password: the refusal is then that of Login.
//
// The session's authentication is as old as the one at the provider. Nobody comes in the
// place of somebody else who is signed in, at that browser now or when the wish was made:
// that is refusal.StepUpRequired with the cause session.ErrOther.
func (s *Service) Federated(ctx context.Context, store Federated, trust Trust, id federation.Identity, w federation.Wish, a Attempt, now time.Time) (Grant, error) {
	user, why, err := s.known(ctx, store, trust, id, w, a, now)
	if err == nil && why == "" && user.Disabled {
		why = "the user is disabled (sanmon user enable)"
	}
	if err == nil && why == "" {
		user, err = s.mapped(ctx, store, trust, id, user, a, now)
	}
	var grant Grant
	if err == nil && why == "" {
		if a.external, a.authTime = true, id.AuthTime; a.authTime.IsZero() {
			a.authTime = session.Unsaid()
		}
		if _, why, err = s.second(ctx, a, user, false, now); err == nil && why == "" {
			grant, why, err = s.begin(ctx, a, user.Name, user, byProvider(false), now)
		}
	}
	if err != nil {
		return Grant{}, err
	}
	if why != "" {
		return Grant{}, s.unknown(ctx, id, w, a, user.ID, why, now)
	}
	_, known := s.Devices.Known(a.DeviceCookie, user.Name, now)
	return s.welcome(grant, known, user.Name, user, a, now), nil
}

// unknown refuses whom the provider has identified. Who is signed in here already is told
// that it is somebody else.
func (s *Service) unknown(ctx context.Context, id federation.Identity, w federation.Wish, a Attempt, user, why string, now time.Time) error {
	err := s.fail(ctx, a, user, "by "+id.Provider+": "+why, now)
	r, ok := errors.AsType[*refusal.Refusal](err)
	if !ok || w.User == "" || user == w.User {
		return err
	}
	no := refusal.New(refusal.StepUpRequired, "%s", r.Reason)
	no.Detail, no.Err = "Somebody else is signed in. Sign out first.", errors.Join(session.ErrOther, r.Err)
	return no
}

// byProvider is how somebody has authenticated at another provider, whose own methods are
// not known here.
func byProvider(both bool) proof {
	if both {
		return proof{[]string{session.MethodProvider, session.MethodOTP, session.MethodMFA}, session.AAL2}
	}
	return proof{[]string{session.MethodProvider}, session.AAL1}
}

// known finds who is meant, linking or creating where the provider is trusted with that. It
// does neither for anybody but the user of the wish, where it has one.
func (s *Service) known(ctx context.Context, store Federated, trust Trust, id federation.Identity, w federation.Wish, a Attempt, now time.Time) (user principal.Record, why string, err error) {
	linked, err := store.FederatedUser(ctx, id.Issuer, id.Subject)
	if err == nil && w.User != "" && linked != w.User {
		return principal.Record{}, "who is signed in here is " + w.User + ", and the provider says that it is " + linked, nil
	}
	if err == nil {
		user, err = s.Users.PrincipalByID(ctx, linked)
		if errors.Is(err, principal.ErrNotFound) {
			return user, "it is linked to a user who is no more", nil
		}
		return user, "", busyOr(err, "read the user")
	}
	if !errors.Is(err, federation.ErrNotFound) {
		return user, "", busy("read a link to a provider", err)
	}
	email, ok := Canonical(id.Email)
	parsed, parseErr := mail.ParseAddress(email)
	if !ok || !id.Verified || parseErr != nil || parsed.Address != email {
		return user, "nobody is linked to that person, and it says no verified address (sanmon user link)", nil
	}
	if user, err = s.find(ctx, email, true); err != nil {
		return user, "", err
	}
	if w.User != "" && user.ID != w.User {
		return principal.Record{}, "who is signed in here is " + w.User + ", to whom that person is not linked (sanmon user link)", nil
	}
	link := federation.Link{Issuer: id.Issuer, Subject: id.Subject, User: user.ID, CreatedAt: now}
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Actor, ev.Detail = now, audit.Linked, user.ID, "system", "provider="+id.Provider
	switch {
	case user.ID != "" && !trust.LinkByEmail:
		return user, "nobody is linked to that person; a user has the address (sanmon user link, or login.oidc.link_by_email)", nil
	case user.ID != "":
		return user, "", linkedOr(store.LinkFederated(ctx, link, ev))
	case !trust.Create:
		return user, "nobody is linked to that person (sanmon user link, or login.oidc.create)", nil
	}
	user = principal.Record{ID: secret.NewID("usr_"), Kind: principal.User, Name: email, Roles: trust.Roles, Version: 1, CreatedAt: now}
	added := ev
	link.User, ev.Subject = user.ID, user.ID
	added.Event, added.Subject = audit.UserAdded, user.ID
	return user, "", linkedOr(store.CreateFederated(ctx, user, link, added, ev))
}

// linkedOr: what another login has done meanwhile is found by the next try.
func linkedOr(err error) error {
	return busyOr(err, "link a person to a provider")
}

// mapped gives a person the roles that the provider's claim says, where one does.
func (s *Service) mapped(ctx context.Context, store Federated, trust Trust, id federation.Identity, user principal.Record, a Attempt, now time.Time) (principal.Record, error) {
	if trust.RolesClaim == "" || id.Claims == nil {
		return user, nil
	}
	roles := slices.Clone(trust.Roles)
	names, err := id.Claims.Texts(trust.RolesClaim)
	if err != nil { // neither a text nor texts: nothing is given for it
		names = nil
	}
	for _, name := range names {
		if role, ok := trust.RoleMap[name]; ok {
			roles = append(roles, role)
		}
	}
	slices.Sort(roles)
	roles = slices.Compact(roles)
	had := slices.Clone(user.Roles)
	slices.Sort(had)
	if slices.Equal(roles, had) {
		return user, nil
	}
	ev := a.event()
	ev.At, ev.Event, ev.Subject, ev.Actor, ev.Detail = now, audit.UserRoles, user.ID, "system", "provider="+id.Provider+" roles="+strings.Join(roles, ",")
	if err := store.SetRoles(ctx, user.ID, roles, ev); err != nil {
		return user, busy("set the roles that a provider says", err)
	}
	user.Roles = roles
	return user, nil
}

package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/sanmon-gate/sanmon/audit"
	"github.com/sanmon-gate/sanmon/identity/federation"
	"github.com/sanmon-gate/sanmon/internal/portal/views"
)

// viewLinks shows at which providers the person is known. It comes after viewFactors, whose
// password and passkeys are other ways to sign in.
func (p *Portal) viewLinks(ctx context.Context, page *views.Account, me own) error {
	page.LinksOn = len(p.Account.Providers) > 0
	links, err := p.Account.Store.FederatedOf(ctx, me.Subject)
	offered := p.Account.offered()
	for i, l := range links {
		others := slices.Delete(slices.Clone(links), i, i+1)
		page.Links = append(page.Links, views.Link{Name: p.Account.providerName(l.Issuer), Issuer: l.Issuer, Subject: l.Subject, Created: l.CreatedAt.UTC(),
			Last: !offered.Enough(page.HasPassword, len(page.Passkeys), others)})
	}
	return err
}

// providerName is what the login page calls the provider of an issuer, "" when it is not
// there (any more).
func (a *Account) providerName(issuer string) string {
	for _, p := range a.Providers {
		if p.Issuer == issuer {
			return p.Name
		}
	}
	return ""
}

// unlinkProvider takes one of the person's own links away, if they can still sign in, and
// ends their other sessions: that provider may have begun them.
func unlinkProvider(p *Portal, ctx context.Context, me own, v Visit, _ *http.Request, f fields) (flash, error) {
	l := federation.Link{Issuer: f.get("issuer"), Subject: f.get("subject"), User: me.Subject}
	err := p.Account.Store.UnlinkOwn(ctx, l, p.Account.offered(), me.SID, v.Now, me.event(v, audit.Unlinked, "issuer="+l.Issuer+" by the person; other sessions ended"))
	switch {
	case errors.Is(err, federation.ErrNotFound):
		return flash{Error: "gone"}, nil
	case errors.Is(err, federation.ErrLast):
		return flash{Error: "provider_last"}, nil
	case err != nil:
		return flash{}, err
	}
	// The store has ended them; memory follows at once instead of with the feed.
	_, err = p.Account.Sessions.EndUser(ctx, me.Subject, me.SID, "unlinked", me.meta(v), v.Now)
	return flash{Notice: "provider_unlinked"}, err
}

package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"stayput.dev/internal/account"
	"stayput.dev/internal/signin"
)

// An access says who may have a page.
type access uint8

const (
	forAll    access = iota // also who has not signed in
	forPeople               // whoever has
	forEnrol                // also who has signed in and must set up a second factor first
	forStaff                // support and admins
	forAdmins
)

// allows tells whether the role may have the page.
func (a access) allows(role account.Role) bool {
	switch a {
	case forStaff:
		return role == account.Support || role == account.Admin
	case forAdmins:
		return role == account.Admin
	}
	return true
}

// A route is one page, or what one form does.
type route struct {
	pattern string
	access  access
	serve   func(*visit) error
}

// routes is the table of all pages.
func (p *Pages) routes() []route {
	return []route{
		{"GET /{$}", forPeople, p.home},
		{"GET /events", forPeople, p.events},
		{"POST /language", forAll, p.setLanguage},

		{"GET /signin", forAll, p.signIn},
		{"POST /signin", forAll, p.signInByPassword},
		{"POST /signin/code", forAll, p.signInByCode},
		{"POST /signin/passkey", forAll, p.signInByPasskey},
		{"POST /signin/passkey/options", forAll, p.passkeyOptions},
		{"GET /signin/provider", forAll, p.toProvider},
		{"GET " + signin.PathOIDC, forAll, p.fromProvider},
		{"POST /signout", forEnrol, p.signOut},
		{"GET /signin/forgot", forAll, p.forgot},
		{"POST /signin/forgot", forAll, p.sendReset},
		{"GET " + signin.PathReset + "/{token}", forAll, p.reset},
		{"POST " + signin.PathReset + "/{token}", forAll, p.resetPassword},
		{"GET " + signin.PathInvitation + "/{token}", forAll, p.invitation},
		{"POST " + signin.PathInvitation + "/{token}", forAll, p.acceptInvitation},
		{"GET " + signin.PathEmail + "/{token}", forAll, p.email},
		{"POST " + signin.PathEmail + "/{token}", forAll, p.confirmEmail},
		{"GET " + signin.PathSignUp, forAll, p.wantAccount},
		{"POST " + signin.PathSignUp, forAll, p.sendSignUp},
		{"GET " + signin.PathSignUp + "/{token}", forAll, p.signUp},
		{"POST " + signin.PathSignUp + "/{token}", forAll, p.confirmSignUp},

		{"GET /account", forEnrol, p.account},
		{"GET /account/prove", forEnrol, p.prove},
		{"POST /account/prove", forEnrol, p.giveProof},
		{"POST /account/prove/options", forEnrol, p.proofOptions},
		{"GET /account/password", forPeople, p.password},
		{"POST /account/password", forPeople, p.changePassword},
		{"GET /account/address", forPeople, p.mailAddress},
		{"POST /account/address", forPeople, p.changeMailAddress},
		{"GET /account/totp", forEnrol, p.totp},
		{"POST /account/totp", forEnrol, p.confirmTOTP},
		{"GET /account/totp/remove", forPeople, p.askRemoveTOTP},
		{"POST /account/totp/remove", forPeople, p.removeTOTP},
		{"GET /account/recovery", forPeople, p.askRecovery},
		{"POST /account/recovery", forPeople, p.makeRecovery},
		{"GET /account/passkey", forEnrol, p.newPasskey},
		{"POST /account/passkey", forEnrol, p.makePasskey},
		{"POST /account/passkey/options", forEnrol, p.newPasskeyOptions},
		{"GET /account/passkeys/{id}/remove", forPeople, p.askRemovePasskey},
		{"POST /account/passkeys/{id}/remove", forPeople, p.removePasskey},
		{"GET /account/provider", forPeople, p.connect},
		{"GET /account/identities/{id}/remove", forPeople, p.askDisconnect},
		{"POST /account/identities/{id}/remove", forPeople, p.disconnect},
		{"POST /account/sessions/end", forEnrol, p.endSession},
		{"POST /account/sessions/end-others", forEnrol, p.endSessions},
		{"GET /account/data", forPeople, p.ownFile},
		{"GET /account/tokens", forPeople, p.tokens},
		{"GET /account/newtoken", forPeople, p.newToken},
		{"POST /account/newtoken", forPeople, p.makeToken},
		{"GET /account/tokens/{apitoken}", forPeople, p.token},
		{"GET /account/tokens/{apitoken}/revoke", forPeople, p.askRevokeToken},
		{"POST /account/tokens/{apitoken}/revoke", forPeople, p.revokeToken},

		{"GET /hosts/new", forPeople, p.newHost},
		{"POST /hosts/new", forPeople, p.makeHost},
		{"GET /hosts/{host}", forPeople, p.host},
		{"GET /hosts/{host}/setup", forPeople, p.chooseDevice},
		{"GET /hosts/{host}/setup/{device}", forPeople, p.setup},
		{"POST /hosts/{host}/setup/{device}", forPeople, p.makeSetupKey},
		{"GET /hosts/{host}/options", forPeople, p.hostOptions},
		{"POST /hosts/{host}/options", forPeople, p.setHostOptions},
		{"GET /hosts/{host}/delete", forPeople, p.askDeleteHost},
		{"POST /hosts/{host}/delete", forPeople, p.deleteHost},

		{"GET /keys", forPeople, p.keys},
		{"GET /newkey", forPeople, p.newKey},
		{"POST /newkey", forPeople, p.makeKey},
		{"GET /keys/{username}", forPeople, p.key},
		{"GET /keys/{username}/revoke", forPeople, p.askRevokeKey},
		{"POST /keys/{username}/revoke", forPeople, p.revokeKey},

		{"GET /staff", forStaff, p.dashboard},
		{"GET /staff/cluster", forStaff, p.cluster},
		{"GET /staff/abuse", forStaff, p.abuse},
		{"GET /staff/audit", forStaff, p.audit},
		{"GET /staff/search", forStaff, p.search},
		{"GET /staff/customers", forStaff, p.customers},
		{"GET /staff/customers/new", forAdmins, p.newCustomer},
		{"POST /staff/customers/new", forAdmins, p.makeCustomer},
		{"GET /staff/customers/applications", forStaff, p.applications},
		{"POST /staff/customers/applications/{application}/approve", forAdmins, p.approve},
		{"GET /staff/customers/applications/{application}/decline", forAdmins, p.askDecline},
		{"POST /staff/customers/applications/{application}/decline", forAdmins, p.decline},
		{"GET /staff/customers/{account}", forStaff, p.customer},
		{"GET /staff/customers/{account}/suspend", forAdmins, p.askPhase("suspend")},
		{"POST /staff/customers/{account}/suspend", forAdmins, p.setPhase("suspend")},
		{"GET /staff/customers/{account}/resume", forAdmins, p.askPhase("resume")},
		{"POST /staff/customers/{account}/resume", forAdmins, p.setPhase("resume")},
		{"GET /staff/customers/{account}/terminate", forAdmins, p.askPhase("terminate")},
		{"POST /staff/customers/{account}/terminate", forAdmins, p.setPhase("terminate")},
		{"POST /staff/customers/{account}/invite", forAdmins, p.inviteCustomer},
		{"GET /staff/customers/{account}/factors", forAdmins, p.askResetFactors},
		{"POST /staff/customers/{account}/factors", forAdmins, p.resetFactors},
		{"GET /staff/customers/{account}/sessions", forAdmins, p.askEndSessions},
		{"POST /staff/customers/{account}/sessions", forAdmins, p.endSessionsOf},
		{"GET /staff/customers/{account}/change", forAdmins, p.changeCustomer},
		{"POST /staff/customers/{account}/change", forAdmins, p.setCustomer},

		{"GET /staff/plans", forStaff, p.plans},
		{"GET /staff/plans/new", forAdmins, p.newPlan},
		{"POST /staff/plans/new", forAdmins, p.makePlan},
		{"GET /staff/plans/{plan}/change", forAdmins, p.plan},
		{"POST /staff/plans/{plan}/change", forAdmins, p.setPlan},
		{"GET /staff/plans/{plan}/delete", forAdmins, p.askDeletePlan},
		{"POST /staff/plans/{plan}/delete", forAdmins, p.deletePlan},

		{"GET /staff/customers/{account}/data", forAdmins, p.customerFile},
		{"GET /staff/customers/{account}/erase", forAdmins, p.askErase},
		{"POST /staff/customers/{account}/erase", forAdmins, p.erase},
		{"GET /staff/zones", forStaff, p.zones},
		{"GET /staff/newzone", forAdmins, p.newZone},
		{"POST /staff/newzone", forAdmins, p.makeZone},
		{"GET /staff/importzone", forAdmins, p.importZoneForm},
		{"POST /staff/importzone", forAdmins, p.importZone},
		{"GET /staff/zones/{zone}", forStaff, p.zone},
		{"GET /staff/zones/{zone}/export", forStaff, p.exportZone},
		{"GET /staff/zones/{zone}/servers", forStaff, p.zoneServers},
		{"GET /staff/zones/{zone}/check", forStaff, p.zoneCheck},
		{"GET /staff/zones/{zone}/record", forAdmins, p.record},
		{"POST /staff/zones/{zone}/record", forAdmins, p.setRecord},
		{"GET /staff/zones/{zone}/record/delete", forAdmins, p.askDeleteRecord},
		{"POST /staff/zones/{zone}/record/delete", forAdmins, p.deleteRecord},
		{"GET /staff/zones/{zone}/settings", forAdmins, p.zoneSettings},
		{"POST /staff/zones/{zone}/settings", forAdmins, p.setZone},
		{"GET /staff/zones/{zone}/delete", forAdmins, p.askDeleteZone},
		{"POST /staff/zones/{zone}/delete", forAdmins, p.deleteZone},
		{"GET /staff/brand", forAdmins, p.brandForm},
		{"POST /staff/brand", forAdmins, p.setBrand},
		{"GET /staff/brand/preview.css", forAdmins, p.previewBrand},
		{"GET /staff/brand/mails", forAdmins, p.mails},
		{"GET /staff/brand/mails/{kind}", forAdmins, p.mailText},
		{"POST /staff/brand/mails/{kind}", forAdmins, p.setMailText},
	}
}

// serve lets in whom the route is for, and answers for what goes wrong.
func (p *Pages) serve(rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		err := readWhole(r)
		v := p.newVisit(w, r)
		if err == nil {
			err = v.mayHave(rt.access)
		}
		if err == nil {
			err = rt.serve(v)
		}
		if err != nil {
			v.fail(err)
		}
	})
}

// readWhole reads the form that a request may send, before it is known who sends it: that may be
// another matter when a form that comes slowly is there.
func readWhole(r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	if err := r.ParseForm(); err != nil {
		return fmt.Errorf("reading a form: %w", err)
	}
	if err := r.ParseMultipartForm(maxForm); err != nil && !errors.Is(err, http.ErrNotMultipart) { //nolint:gosec // the body is bounded
		return fmt.Errorf("reading a form with files: %w", err)
	}
	return nil
}

// maxForm is the most that a form may send, in octets: a logo and its texts.
const maxForm = 1 << 20

// What goes wrong before a page is made.
var (
	errForeignForm = errors.New("the form is another site's")
	errMethod      = errors.New("no form of ours")
	errForbidden   = errors.New("not for this role")
	errStranger    = errors.New("not signed in")
	errExpired     = errors.New("the link has expired")
	errMustEnrol   = errors.New("a second factor must be set up first")
	errPlan        = errors.New("the plan allows no more")
	errStreams     = errors.New("too many pages are open")
)

// mayHave tells whether the visitor may have what is for a.
func (v *visit) mayHave(a access) error {
	switch {
	case a == forAll:
		return nil
	case v.who.Account == "":
		return errStranger
	case !a.allows(v.who.Role):
		return errForbidden
	case v.who.session.MustEnrol && a != forEnrol:
		return errMustEnrol
	}
	return nil
}

// signInURL is where a visitor signs in and comes back from.
func (v *visit) signInURL() string {
	if v.r.Method != http.MethodGet || v.r.URL.Path == "/" {
		return "/signin"
	}
	return "/signin?" + url.Values{"next": {v.r.URL.RequestURI()}}.Encode()
}

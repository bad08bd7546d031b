package config

import (
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Signin says how people sign in to the pages.
type Signin struct {
	Idle                time.Duration // after which an unused session ends
	MaxAge              time.Duration // after which every session ends
	RequireSecondFactor []Role
	SignUp              SignUp
	ReservedNames       []string // that nobody may sign up with
}

// Role is what an account may do: package account says what each is.
type Role string

// The roles.
const (
	RoleCustomer Role = "customer"
	RoleSupport  Role = "support"
	RoleAdmin    Role = "admin"
)

// SignUp says who may make an account of their own.
type SignUp string

// What Signin.SignUp can be.
const (
	SignUpOff      SignUp = "off"
	SignUpOn       SignUp = "on"
	SignUpApproval SignUp = "approval"
)

// OIDC says with which identity provider people may sign in.
type OIDC struct {
	Issuer           *url.URL // nil: there is none, and nothing else counts
	ClientID         string
	ClientSecretFile string // empty: a public client
	Name             string // what its button says

	GroupsClaim                                string
	AdminGroups, SupportGroups, CustomerGroups []string

	LinkByEmail    bool
	CreateAccounts bool
}

// Mail says how mail is sent.
type Mail struct {
	Server       MailServer // empty: none is sent, and nothing else counts
	Security     MailSecurity
	Username     string // empty: the server wants none
	PasswordFile string // not empty if Username is not
	CAFile       string // empty: the system's certificates
	From         string // an address, perhaps with a name; not empty if Server is not
}

// MailServer is a host and a port.
type MailServer string

// MailSecurity is how the way to the mail server is protected.
type MailSecurity string

// What Mail.Security can be.
const (
	MailStartTLS MailSecurity = "starttls"
	MailTLS      MailSecurity = "tls"
	MailPlain    MailSecurity = "none"
)

func (s *Signin) settings() []setting {
	return []setting{
		{key: "signin.idle", value: "24h", field: duration(&s.Idle, 5*time.Minute, 90*24*time.Hour), doc: `
After how long without use a session ends. A change counts for new sessions.`},
		{key: "signin.max_age", value: "720h", field: duration(&s.MaxAge, 5*time.Minute, 365*24*time.Hour), doc: `
After how long every session ends.`},
		{key: "signin.require_second_factor", value: "", field: roles(&s.RequireSecondFactor), doc: `
Whose accounts must have a second factor, an app that makes codes or a
passkey: whoever has none can do nothing but set one up. Who signs in with the
identity provider is not asked for one.`},
		{key: "signin.sign_up", value: "off", field: choice(&s.SignUp, SignUpOff, SignUpOn, SignUpApproval), doc: `
Whether people may make accounts of their own: "on" for everybody who has a
mail address, "approval" when staff approve. Wants a mail server below.`},
		{key: "signin.reserved_names", value: "", field: names(&s.ReservedNames), doc: `
Names that nobody may sign up with, such as those of your company. Names that
look like the service's own ("admin", "postmaster") never may be.`},
	}
}

func (o *OIDC) settings(base string) []setting {
	return []setting{
		{key: "oidc.issuer", value: "", field: webAddress(&o.Issuer), doc: `
The identity provider (OpenID Connect) that people may sign in with, as its
documentation calls the issuer, such as "https://sso.example.org/realms/isp".
Register there /signin/oidc below http.public_url as redirect URI.`},
		{key: "oidc.client_id", value: "", field: text(&o.ClientID, 255), doc: `
What the provider calls this service.`},
		{key: "oidc.client_secret_file", value: "", field: optionalPath(&o.ClientSecretFile, base), doc: `
The file of the secret that it gave for that, on one line.`},
		{key: "oidc.name", value: "Single sign-on", field: text(&o.Name, 64), doc: `
What stands on the button.`},
		{key: "oidc.groups_claim", value: "groups", field: text(&o.GroupsClaim, 255), doc: `
The claim that lists the groups somebody is in.`},
		{key: "oidc.admin_groups", value: "", field: names(&o.AdminGroups), doc: `
Whoever is in one of these is an admin. As long as no group is named here or
in the next two settings, the provider says nothing about roles.`},
		{key: "oidc.support_groups", value: "", field: names(&o.SupportGroups), doc: `
Whoever else is in one of these is support.`},
		{key: "oidc.customer_groups", value: "", field: names(&o.CustomerGroups), doc: `
Whoever else is in one of these is a customer, and everybody else is not let
in. When none is named, everybody else is a customer.`},
		{key: "oidc.link_by_email", value: "false", field: flag(&o.LinkByEmail), doc: `
Whether somebody whose mail address the provider has confirmed gets the
account that has the address here. Only for a provider whose word about
addresses you would take for a password.`},
		{key: "oidc.create_accounts", value: "false", field: flag(&o.CreateAccounts), doc: `
Whether somebody without an account gets one.`},
	}
}

func (m *Mail) settings(base string) []setting {
	return []setting{
		{key: "mail.server", value: "", field: mailServer(&m.Server), doc: `
The mail server that takes what is sent to people, such as
"smtp.example.org:587". Without one there are no invitations and no new
passwords by mail.`},
		{key: "mail.security", value: "starttls", field: choice(&m.Security, MailStartTLS, MailTLS, MailPlain), doc: `
"starttls" (port 587) and "tls" (port 465) insist on a certificate that fits;
"none" is for a server on this machine.`},
		{key: "mail.username", value: "", field: text(&m.Username, 255), doc: `
The name to log in with; empty for a server that wants none.`},
		{key: "mail.password_file", value: "", field: optionalPath(&m.PasswordFile, base), doc: `
The file of the password to log in with, on one line.`},
		{key: "mail.ca_file", value: "", field: optionalPath(&m.CAFile, base), doc: `
A PEM file of the certificates that the server's must lead to; empty for those
of the system.`},
		{key: "mail.from", value: "", field: sender(&m.From), doc: `
Whom mails come from, such as "Example DNS <dns@example.org>".`},
	}
}

// roles returns a field for roles.
func roles(p *[]Role) field {
	words := []string{string(RoleCustomer), string(RoleSupport), string(RoleAdmin)}
	return many(p, oneOf(words), func(text string) ([]Role, string, bool) {
		for _, w := range words {
			if text == w {
				return []Role{Role(w)}, "", true
			}
		}
		return nil, didYouMean(closest(text, words)), false
	})
}

// names returns a field for names that others have made up.
func names(p *[]string) field {
	return many(p, "a name of at most 255 octets", func(name string) ([]string, string, bool) {
		var one string
		_, ok := text(&one, 255).add(name)
		return []string{one}, "", ok && one != ""
	})
}

// webAddress returns a field for the address of pages, or for none.
func webAddress(p **url.URL) field {
	return single(p, quoted, "an address that begins with https:// or http://, or nothing", func(text string) (*url.URL, string, bool) {
		if text == "" {
			return nil, "", true
		}
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return nil, "write https://dyn.example.org", false
		}
		if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.ForceQuery {
			return nil, "write it without a user, a query and a fragment", false
		}
		return u, "", true
	})
}

// mailServer returns a field for a mail server, or for none.
func mailServer(p *MailServer) field {
	return single(p, quoted, "a host and a port, or nothing", func(text string) (MailServer, string, bool) {
		if text == "" {
			return "", "", true
		}
		host, port, err := net.SplitHostPort(text)
		if err != nil {
			return "", "add the port, as in smtp.example.org:587", false
		}
		n, err := strconv.ParseUint(port, 10, 16)
		_, noAddress := netip.ParseAddr(host)
		ok := err == nil && n > 0 && (noAddress == nil || isHostName(strings.ToLower(strings.TrimSuffix(host, "."))))
		return MailServer(text), "write smtp.example.org:587", ok
	})
}

// sender returns a field for a mail address, perhaps with a name, or for none.
func sender(p *string) field {
	return single(p, quoted, "a mail address or nothing", func(text string) (string, string, bool) {
		if text == "" {
			return "", "", true
		}
		_, err := mail.ParseAddress(text)
		return text, "write dns@example.org, or Example DNS <dns@example.org>", err == nil && len(text) <= 320
	})
}

// checkPeople reports what is wrong with settings of signing in and mail that are
// right one by one.
func (l *loader) checkPeople() {
	c := &l.config
	needs := func(key, other, hint string, given bool) {
		if !given && !l.places[key].faulty && !l.places[other].faulty {
			l.report(l.places[key], key, "wants "+other, hint)
		}
	}
	if c.Signin.SignUp == SignUpOn || c.Signin.SignUp == SignUpApproval {
		needs("signin.sign_up", "mail.server", "people sign up with a mail address", c.Mail.Server != "")
		needs("signin.sign_up", "http.public_url", "the links in mails lead there", c.HTTP.PublicURL != nil)
	}
	if c.OIDC.Issuer != nil {
		needs("oidc.issuer", "oidc.client_id", "", c.OIDC.ClientID != "")
		needs("oidc.issuer", "http.public_url", "the provider sends people back there", c.HTTP.PublicURL != nil)
		l.checkSecret("oidc.client_secret_file", c.OIDC.ClientSecretFile)
	}
	if c.Mail.Server != "" {
		needs("mail.server", "mail.from", "", c.Mail.From != "")
		if c.Mail.Username != "" {
			needs("mail.username", "mail.password_file", "", c.Mail.PasswordFile != "")
		}
		l.checkSecret("mail.password_file", c.Mail.PasswordFile)
		l.checkSecret("mail.ca_file", c.Mail.CAFile)
		l.checkPlainPassword()
	}
}

// checkSecret reports a file that cannot be read; "" is none.
func (l *loader) checkSecret(key, path string) {
	at := l.places[key]
	if path == "" || at.faulty {
		return
	}
	text, err := readRegular(path)
	switch {
	case err != nil:
		l.report(at, key, err.Error(), "")
	case strings.TrimSpace(string(text)) == "":
		l.report(at, key, path+" is empty", "")
	}
}

// checkPlainPassword reports a password that would cross a network in the clear.
func (l *loader) checkPlainPassword() {
	m := &l.config.Mail
	at := l.places["mail.security"]
	if m.Security != MailPlain || m.Username == "" || at.faulty {
		return
	}
	host, _, _ := net.SplitHostPort(string(m.Server))
	if a, err := netip.ParseAddr(host); host == "localhost" || err == nil && a.IsLoopback() {
		return
	}
	l.report(at, "mail.security", "would send the password to "+host+" in the clear", `write "starttls" or "tls"`)
}

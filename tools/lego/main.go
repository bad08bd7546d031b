// Command lego gets one certificate with the library that lego is made of, and prints
// it. It takes from lego the providers that can speak to Stayput alone: the command of
// lego itself comes with the programming interfaces of two hundred companies.
//
// It knows these options of `lego run`, and takes the same environment: DNSUPDATE_*,
// HTTPREQ_*, ACME_DNS_* and LEGO_CA_CERTIFICATES.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"flag"
	"fmt"
	"os"

	"github.com/go-acme/lego/v5/acme"
	"github.com/go-acme/lego/v5/certcrypto"
	"github.com/go-acme/lego/v5/certificate"
	"github.com/go-acme/lego/v5/challenge"
	"github.com/go-acme/lego/v5/challenge/dns01"
	"github.com/go-acme/lego/v5/lego"
	"github.com/go-acme/lego/v5/providers/dns/acmedns"
	"github.com/go-acme/lego/v5/providers/dns/dnsupdate"
	"github.com/go-acme/lego/v5/providers/dns/httpreq"
	"github.com/go-acme/lego/v5/registration"
)

func main() {
	flags := flag.NewFlagSet("lego run", flag.ExitOnError)
	server := flags.String("server", "", "directory `URL` of the authority")
	dns := flags.String("dns", "", "provider: dnsupdate, httpreq or acmedns")
	resolver := flags.String("dns.resolvers", "", "`address` of a name server to ask")
	alone := flags.Bool("dns.propagation.disable-ans", false, "look for the challenge at no other name server")
	var domains []string
	flags.Func("d", "`name` for the certificate; several times", func(name string) error {
		domains = append(domains, name)
		return nil
	})
	if len(os.Args) < 2 || os.Args[1] != "run" {
		flags.Usage()
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:])
	chain, err := obtain(context.Background(), *server, *dns, *resolver, *alone, domains)
	if err != nil {
		fmt.Fprintln(os.Stderr, "lego:", err)
		os.Exit(1)
	}
	_, _ = os.Stdout.Write(chain)
}

// obtain returns a certificate for the domains, and those who vouch for it, as PEM.
func obtain(ctx context.Context, server, dns, resolver string, alone bool, domains []string) ([]byte, error) {
	client, err := newClient(ctx, server)
	if err != nil {
		return nil, err
	}
	provider, err := newProvider(dns)
	if err != nil {
		return nil, err
	}
	options := dns01.NewOptions()
	options.RecursiveNameservers = []string{resolver}
	dns01.SetDefaultClient(dns01.NewClient(options))
	if err := client.Challenge.SetDNS01Provider(provider, dns01.CondOptions(alone, dns01.DisableAuthoritativeNssPropagationRequirement())); err != nil {
		return nil, err
	}
	got, err := client.Certificate.Obtain(ctx, certificate.ObtainRequest{Domains: domains, KeyType: certcrypto.EC256, Bundle: true})
	if err != nil {
		return nil, err
	}
	return got.Certificate, nil
}

// newClient returns a client with an account that it has made.
func newClient(ctx context.Context, server string) (*lego.Client, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	user := &user{key: key}
	config := lego.NewConfig(user)
	config.CADirURL = server
	client, err := lego.NewClient(config)
	if err != nil {
		return nil, err
	}
	user.account, err = client.Registration.Register(ctx, registration.RegisterOptions{TermsOfServiceAgreed: true})
	return client, err
}

func newProvider(name string) (challenge.Provider, error) {
	switch name {
	case "dnsupdate":
		return dnsupdate.NewDNSProvider()
	case "httpreq":
		return httpreq.NewDNSProvider()
	case "acmedns":
		return acmedns.NewDNSProvider()
	}
	return nil, fmt.Errorf("no such provider: %s", name)
}

// user is an account at the authority.
type user struct {
	key     crypto.Signer
	account *acme.ExtendedAccount
}

func (u *user) GetEmail() string                       { return "" }
func (u *user) GetRegistration() *acme.ExtendedAccount { return u.account }
func (u *user) GetPrivateKey() crypto.Signer           { return u.key }

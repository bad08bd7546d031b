package config

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
)

// check looks for what is wrong with settings that are right one by one.
// Those with a fault already are left alone.
func (l *loader) check() {
	l.checkListeners()
	l.checkSources("dns.tcp_connections", l.config.DNS.TCPConnections, l.config.DNS.TCPConnectionsPerSource)
	l.checkSources("http.connections", l.config.HTTP.Connections, l.config.HTTP.ConnectionsPerSource)
	l.checkTLS("dns.tls_listen", l.config.DNS.TLSListen)
	l.checkTLS("http.tls_listen", l.config.HTTP.TLSListen)
	l.checkTLS("http.legacy_tls_listen", l.config.HTTP.LegacyTLSListen)
	for i, c := range l.config.HTTP.Certificates {
		l.checkCertificate(i, c)
	}
	if l.config.DNS.Cookies != CookiesOff {
		l.checkSecret("dns.cookie_secret_file", l.config.DNS.CookieSecretFile)
	}
	l.checkPeople()
	l.readURL()
	l.checkRole()
}

// checkRole reports a node that would only follow others where there are none.
func (l *loader) checkRole() {
	at := l.places["role"]
	if l.config.Role == RoleAll || l.config.Store.URL != "" || at.faulty || l.places["store.url"].faulty || l.places["store.url_file"].faulty {
		return
	}
	l.report(at, "role", fmt.Sprintf("is %q, but the data is in a file, which one node has for itself", l.config.Role), "name a PostgreSQL database in store.url")
}

// readURL takes the URL of the database from its file.
func (l *loader) readURL() {
	const key = "store.url_file"
	at := l.places[key]
	if at.faulty || l.config.Store.URLFile == "" || l.config.Store.URL != "" {
		return
	}
	data, err := readRegular(l.config.Store.URLFile)
	if err != nil {
		l.report(at, key, err.Error(), "")
		return
	}
	if _, ok := database(&l.config.Store.URL).add(strings.TrimSpace(string(data))); !ok || l.config.Store.URL == "" {
		l.report(at, key, "the file does not hold a URL that begins with postgres://", "")
	}
}

// checkListeners reports addresses that two listeners would fight over. All of
// them listen on TCP.
func (l *loader) checkListeners() {
	type listener struct {
		key     string
		address netip.AddrPort
	}
	var seen []listener
	for _, s := range l.settings {
		if !strings.HasSuffix(s.key, "listen") {
			continue
		}
		addresses, _ := s.get().([]netip.AddrPort)
		for _, a := range addresses {
			for _, before := range seen {
				if overlap(before.address, a) {
					l.report(l.firstGiven(s.key, before.key), s.key,
						fmt.Sprintf("%s is taken by %s in %s", a, before.address, before.key), "")
					break
				}
			}
			seen = append(seen, listener{s.key, a})
		}
	}
}

// firstGiven returns the place of the first of two settings that was given.
func (l *loader) firstGiven(key, other string) place {
	if at, ok := l.places[key]; ok {
		return at
	}
	return l.places[other]
}

// overlap reports whether a socket on a leaves no room for one on b.
func overlap(a, b netip.AddrPort) bool {
	if a.Port() != b.Port() || a.Port() == 0 || a.Addr().Is4() != b.Addr().Is4() {
		return false
	}
	return a.Addr() == b.Addr() || a.Addr().IsUnspecified() || b.Addr().IsUnspecified()
}

// checkSources reports a limit per source above the limit of all, if somebody
// wrote it down; left at its default it has no effect then.
func (l *loader) checkSources(key string, all, perSource int) {
	at, given := l.places[key+"_per_source"]
	if given && !at.faulty && !l.places[key].faulty && perSource > all {
		l.report(at, key+"_per_source", fmt.Sprintf("is %d, more than the %d of %s", perSource, all, key), "")
	}
}

// checkTLS reports a TLS listener without any certificate.
func (l *loader) checkTLS(key string, addresses []netip.AddrPort) {
	if len(addresses) > 0 && len(l.config.HTTP.Certificates) == 0 && !l.reported[certificateSection] {
		l.report(l.places[key], key, "has no certificate",
			"add a section [["+certificateSection+"]] with cert and key")
	}
}

// checkCertificate reports what is wrong with the n-th certificate: a missing
// setting, files that cannot be read, files that do not fit each other.
func (l *loader) checkCertificate(n int, c Certificate) {
	cert, certOK := l.readCertificateFile(n, certificateSection+".cert", c.Cert)
	key, keyOK := l.readCertificateFile(n, certificateSection+".key", c.Key)
	if !certOK || !keyOK {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		at := l.places[slot(certificateSection+".cert", n)]
		l.report(at, certificateSection+".cert", fmt.Sprintf("cannot be used with %s: %v", c.Key, err), "")
	}
}

// readCertificateFile returns the content of the file that a setting of the
// n-th certificate names; false if something is wrong with it.
func (l *loader) readCertificateFile(n int, key, path string) ([]byte, bool) {
	at, given := l.places[slot(key, n)]
	switch {
	case !given:
		l.report(l.places[slot(certificateSection, n)], key, "is missing", "")
		return nil, false
	case at.faulty:
		return nil, false
	}
	data, err := readRegular(path)
	if err != nil {
		l.report(at, key, err.Error(), "")
	}
	return data, err == nil
}

// readRegular reads a regular file; a pipe or device could keep us forever.
func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New(path + " is not a regular file")
	}
	return os.ReadFile(path)
}

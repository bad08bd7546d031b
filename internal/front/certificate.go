package front

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
)

// A Certificate is a key pair in files, which may be renewed while it is in
// use. Its methods are safe for concurrent use.
type Certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

// LoadCertificate reads a PEM certificate chain and its key.
func LoadCertificate(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile}
	if err := c.Reload(); err != nil {
		return nil, err
	}
	return c, nil
}

// Reload reads the files again. If they are broken, or are being written just
// now and do not fit each other, the certificate stays what it was.
func (c *Certificate) Reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("loading certificate %s: %w", c.certFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// GetCertificate returns the certificate as last loaded, for whatever client.
// It fits [tls.Config.GetCertificate].
func (c *Certificate) GetCertificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if pair := c.current.Load(); pair != nil {
		return pair, nil
	}
	return nil, errors.New("no certificate loaded")
}

// PickCertificate returns a [tls.Config.GetCertificate] that chooses among
// several pairs: the first that has the asked name and that the client can use,
// else the first that it can use, else the first. So an RSA pair can stand
// beside an ECDSA one for old devices, which do not send the name either.
func PickCertificate(certs ...*Certificate) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		nameless := *hello
		nameless.ServerName = ""
		for _, h := range [...]*tls.ClientHelloInfo{hello, &nameless} {
			for _, c := range certs {
				if pair := c.current.Load(); pair != nil && h.SupportsCertificate(pair) == nil {
					return pair, nil
				}
			}
		}
		if len(certs) == 0 {
			return nil, errors.New("no certificate")
		}
		return certs[0].GetCertificate(hello)
	}
}

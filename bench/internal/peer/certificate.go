//go:build linux

package peer

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// writeCertificate writes a self-signed RSA certificate for 127.0.0.1 and its
// key into dir and returns their paths. RSA, as old routers know no ECDSA.
func writeCertificate(dir string) (cert, key string, err error) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", "", fmt.Errorf("making a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "localhost"},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(0, 1, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return "", "", fmt.Errorf("making a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return "", "", fmt.Errorf("packing the key: %w", err)
	}
	if cert, err = writePEM(dir, "cert.pem", "CERTIFICATE", der); err != nil {
		return "", "", err
	}
	key, err = writePEM(dir, "key.pem", "PRIVATE KEY", secret)
	return cert, key, err
}

func writePEM(dir, name, kind string, der []byte) (string, error) {
	return write(dir, name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

package tsig

import (
	"crypto/hmac"

	"stayput.dev/internal/zone"
)

// Algorithm returns the name on the wire of the algorithm that our own messages are
// signed with (RFC 8945 §6).
func (k *Key) Algorithm() zone.Name { return algorithms[k.Schemes[0].Algorithm].wire }

// MAC returns the whole MAC of octets by that algorithm.
func (k *Key) MAC(message []byte) []byte {
	m := hmac.New(algorithms[k.Schemes[0].Algorithm].hash, k.Secret)
	m.Write(message)
	return m.Sum(nil)
}

// Proves tells whether a MAC, which may be truncated as far as the key allows, shows
// that the owner of the key made the octets.
func (k *Key) Proves(mac, message []byte) bool {
	whole := k.MAC(message)
	return len(mac) >= k.Schemes[0].Octets && len(mac) <= len(whole) && hmac.Equal(whole[:len(mac)], mac)
}

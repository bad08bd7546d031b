package wire

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"time"
)

const (
	typeTSIG  = 250
	algorithm = "hmac-sha256"
	fudge     = 300

	// zonePointer is a compression pointer to the zone section's name.
	zonePointer = 0xc000 | HeaderSize
)

// An Updater builds signed DNS UPDATE messages (RFC 2136, RFC 8945) that
// replace one host's A record. It is for one goroutine.
type Updater struct {
	mac     hash.Hash
	zone    []byte // the zone section
	owner   []byte // the key's name, TSIG, ANY, TTL 0
	alg     []byte // the algorithm's name
	digest  []byte // the variables' start, from the key name to the algorithm
	message []byte // the last message, its memory used again
	vars    []byte
	sum     []byte
}

// NewUpdater returns a builder for updates of zone, signed with HMAC-SHA256
// under the key called keyName.
func NewUpdater(zone, keyName string, secret []byte) *Updater {
	u := &Updater{mac: hmac.New(sha256.New, secret)}
	u.zone = AppendName(nil, zone)
	u.zone = binary.BigEndian.AppendUint16(u.zone, TypeSOA)
	u.zone = binary.BigEndian.AppendUint16(u.zone, classIN)
	u.alg = AppendName(nil, algorithm)

	u.owner = AppendName(nil, keyName)
	u.digest = append(u.digest, u.owner...)
	u.owner = binary.BigEndian.AppendUint16(u.owner, typeTSIG)
	u.owner = binary.BigEndian.AppendUint16(u.owner, classANY)
	u.owner = append(u.owner, 0, 0, 0, 0)

	u.digest = binary.BigEndian.AppendUint16(u.digest, classANY)
	u.digest = append(u.digest, 0, 0, 0, 0)
	u.digest = append(u.digest, u.alg...)
	return u
}

// Message returns a signed UPDATE that deletes the A RRset of label in the
// zone and adds address with the given TTL. The result is valid until the
// next call.
func (u *Updater) Message(id uint16, label string, address [4]byte, ttl uint32, now time.Time) []byte {
	m := binary.BigEndian.AppendUint16(u.message[:0], id)
	m = append(m, opUpdate<<3, 0, 0, 1, 0, 0, 0, 2, 0, 0)
	m = append(m, u.zone...)

	host := len(m)
	m = append(m, byte(len(label)))
	m = append(m, label...)
	m = binary.BigEndian.AppendUint16(m, zonePointer)
	m = appendRR(m, TypeA, classANY, 0) // RFC 2136 §2.5.2: delete an RRset
	m = append(m, 0, 0)

	m = binary.BigEndian.AppendUint16(m, 0xc000|uint16(host))
	m = appendRR(m, TypeA, classIN, ttl)
	m = append(m, 0, 4)
	m = append(m, address[:]...)

	u.message = u.sign(m, now)
	return u.message
}

// appendRR appends type, class and TTL of a record.
func appendRR(b []byte, typ, class uint16, ttl uint32) []byte {
	b = binary.BigEndian.AppendUint16(b, typ)
	b = binary.BigEndian.AppendUint16(b, class)
	return binary.BigEndian.AppendUint32(b, ttl)
}

// sign appends the TSIG record to m and counts it (RFC 8945 §4.3.3).
func (u *Updater) sign(m []byte, now time.Time) []byte {
	seconds := uint64(now.Unix())
	signed := binary.BigEndian.AppendUint16(nil, uint16(seconds>>32))
	signed = binary.BigEndian.AppendUint32(signed, uint32(seconds))
	signed = binary.BigEndian.AppendUint16(signed, fudge)

	u.vars = append(u.vars[:0], u.digest...)
	u.vars = append(u.vars, signed...)
	u.vars = append(u.vars, 0, 0, 0, 0) // error, other length
	u.mac.Reset()
	u.mac.Write(m)
	u.mac.Write(u.vars)
	u.sum = u.mac.Sum(u.sum[:0])

	id := ID(m)
	m = append(m, u.owner...)
	m = binary.BigEndian.AppendUint16(m, uint16(len(u.alg)+len(signed)+2+len(u.sum)+6))
	m = append(m, u.alg...)
	m = append(m, signed...)
	m = binary.BigEndian.AppendUint16(m, uint16(len(u.sum)))
	m = append(m, u.sum...)
	m = binary.BigEndian.AppendUint16(m, id)
	m = append(m, 0, 0, 0, 0)
	m[11]++ // additional records
	return m
}

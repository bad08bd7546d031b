package signin_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/signin"
)

// device is an authenticator as phones have one (WebAuthn §6): it keeps passkeys with
// a P-256 key each, asks its owner for a fingerprint, and attests nothing.
type device struct {
	t      *testing.T
	origin string
	keys   map[string]*ecdsa.PrivateKey
	handle []byte // of the account
	count  uint32 // of signatures; 0 never counts, as with synced passkeys
	counts bool
	hasty  bool // its owner is not verified
	last   string
}

func newDevice(t *testing.T) *device {
	return &device{t: t, origin: "https://dyn.example.org", keys: map[string]*ecdsa.PrivateKey{}}
}

var b64 = base64.RawURLEncoding

// options are what a page hands to navigator.credentials.
type options struct {
	PublicKey struct {
		Challenge string
		RPID      string `json:"rpId"`
		RP        struct{ ID string }
		User      struct{ ID string }

		AllowCredentials, ExcludeCredentials []struct{ ID string }
		UserVerification                     string
	}
}

func (d *device) read(c signin.Challenge) options {
	d.t.Helper()
	var o options
	if err := json.Unmarshal(c.Options, &o); err != nil || o.PublicKey.Challenge == "" {
		d.t.Fatalf("options %s: %v", c.Options, err)
	}
	return o
}

func (d *device) clientData(kind, challenge string) []byte {
	text, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	return text
}

// authData is what the authenticator says (§6.1): the site, flags and a counter.
func (d *device) authData(rpID string, flags byte) []byte {
	site := sha256.Sum256([]byte(rpID))
	if !d.hasty {
		flags |= 4 // UV
	}
	if d.counts {
		d.count++
	}
	return binary.BigEndian.AppendUint32(append(site[:], flags|1), d.count)
}

// create makes a passkey, as navigator.credentials.create does.
func (d *device) create(c signin.Challenge) []byte {
	d.t.Helper()
	o := d.read(c)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		d.t.Fatal(err)
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id)
	d.last = b64.EncodeToString(id)
	d.keys[d.last] = key
	d.handle, _ = b64.DecodeString(o.PublicKey.User.ID)
	point, _ := key.PublicKey.Bytes()
	// The key in COSE form (RFC 9053 §7.1.1): a map of kty 2, alg -7, crv 1, x and y.
	cose := append([]byte{0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32}, point[1:33]...)
	cose = append(append(cose, 0x22, 0x58, 32), point[33:]...)
	data := append(d.authData(o.PublicKey.RP.ID, 0x40), make([]byte, 16)...)
	data = append(append(binary.BigEndian.AppendUint16(data, uint16(len(id))), id...), cose...)
	// {"fmt": "none", "attStmt": {}, "authData": data}
	attestation := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58"), byte(len(data)))
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(d.clientData("webauthn.create", o.PublicKey.Challenge)), "attestationObject": b64.EncodeToString(append(attestation, data...)),
	})
}

// get answers with the passkey that was made last, as navigator.credentials.get does.
func (d *device) get(c signin.Challenge) []byte {
	d.t.Helper()
	o := d.read(c)
	data := d.authData(o.PublicKey.RPID, 0)
	client := d.clientData("webauthn.get", o.PublicKey.Challenge)
	clientHash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), clientHash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.keys[d.last], digest[:])
	if err != nil {
		d.t.Fatal(err)
	}
	return d.answer(map[string]any{
		"clientDataJSON": b64.EncodeToString(client), "authenticatorData": b64.EncodeToString(data),
		"signature": b64.EncodeToString(signature), "userHandle": b64.EncodeToString(d.handle),
	})
}

func (d *device) answer(response map[string]any) []byte {
	text, _ := json.Marshal(map[string]any{
		"id": d.last, "rawId": d.last, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	return text
}

// addPasskey makes a passkey for a session's account.
func (w *world) addPasskey(t *testing.T, d *device, step signin.Step, name string) signin.Step {
	t.Helper()
	c, err := w.BeginPasskeyEnrolment(t.Context(), step.Session)
	if err != nil {
		t.Fatal(err)
	}
	return must(t)(w.FinishPasskeyEnrolment(t.Context(), home, step.Session, c.Ticket, name, d.create(c)))
}

// challenge begins a sign-in by passkey.
func (w *world) challenge(t *testing.T, ticket string) signin.Challenge {
	t.Helper()
	c, err := w.BeginPasskey(t.Context(), home, ticket)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestPasskeyAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	before := w.signIn(t, "anna")
	step := w.addPasskey(t, d, before, "Anna's \x00phone")
	w.hasNot(t, "the cookie before", before.Cookie)
	if len(step.RecoveryCodes) != 10 {
		t.Errorf("%d recovery codes", len(step.RecoveryCodes))
	}
	f, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil || len(f.Passkeys) != 1 || f.Passkeys[0].Name != "Anna's phone" || !f.Passkeys[0].Used.IsZero() {
		t.Fatalf("factors %+v, %v", f, err)
	}

	c := w.challenge(t, "")
	if o := d.read(c); len(o.PublicKey.AllowCredentials) != 0 || o.PublicKey.UserVerification != "required" || o.PublicKey.RPID != "dyn.example.org" {
		t.Errorf("options %s", c.Options)
	}
	answer := d.get(c)
	in := must(t)(w.FinishPasskey(t.Context(), home, c.Ticket, answer))
	if s := w.has(t, "after the passkey", in.Cookie); s.Account != w.account(t, "anna").ID || s.Method != signin.ByPasskey {
		t.Errorf("session %+v", s)
	}
	_, err = w.FinishPasskey(t.Context(), home, c.Ticket, answer)
	is(t, "the same answer again", err, signin.ErrLink)
	w.restart(t)
	_, err = w.FinishPasskey(t.Context(), home, c.Ticket, answer)
	is(t, "the same answer to another process", err, signin.ErrLink)
}

func TestPasskeyAsSecondFactor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	w.addPasskey(t, d, w.signIn(t, "anna"), "")
	half := w.signIn(t, "anna")
	if half.Done() || len(half.Factors) == 0 || half.Factors[0] != signin.Passkey {
		t.Fatalf("step %+v", half)
	}
	d.hasty = true // the password was the other factor
	c := w.challenge(t, half.Ticket)
	if o := d.read(c); len(o.PublicKey.AllowCredentials) != 1 || o.PublicKey.AllowCredentials[0].ID != d.last {
		t.Errorf("options %s", c.Options)
	}
	step := must(t)(w.FinishPasskey(t.Context(), home, c.Ticket, d.get(c)))
	if step.Session.Method != signin.ByFactor {
		t.Errorf("method %s", step.Session.Method)
	}
}

func TestPasskeysOfOthersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	anna, root := newDevice(t), newDevice(t)
	w.addPasskey(t, anna, w.signIn(t, "anna"), "")
	w.addPasskey(t, root, w.signIn(t, "root"), "")
	half := w.signIn(t, "root")
	for why, answer := range map[string]func(signin.Challenge) []byte{
		"another's passkey": func(c signin.Challenge) []byte { return anna.get(c) },
		"another site": func(c signin.Challenge) []byte {
			evil := *root
			evil.origin = "https://dyn.example.net"
			return evil.get(c)
		},
		"a site below": func(c signin.Challenge) []byte {
			evil := *root
			evil.origin = "https://customer.dyn.example.org"
			return evil.get(c)
		},
		"another challenge": func(signin.Challenge) []byte { return root.get(w.challenge(t, half.Ticket)) },
		"a key of one's own": func(c signin.Challenge) []byte {
			evil := *root
			key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			evil.keys = map[string]*ecdsa.PrivateKey{evil.last: key}
			return evil.get(c)
		},
		"nothing":  func(signin.Challenge) []byte { return nil },
		"no JSON":  func(signin.Challenge) []byte { return []byte("{") },
		"an array": func(signin.Challenge) []byte { return []byte("[]") },
	} {
		c := w.challenge(t, half.Ticket)
		_, err := w.FinishPasskey(t.Context(), home, c.Ticket, answer(c))
		is(t, why, err, signin.ErrWrong)
	}

	hasty := *root
	hasty.hasty = true
	c := w.challenge(t, "")
	_, err := w.FinishPasskey(t.Context(), home, c.Ticket, hasty.get(c))
	is(t, "alone, without making sure who it is", err, signin.ErrWrong)

	c = w.challenge(t, half.Ticket)
	_, err = w.FinishPasskey(t.Context(), home, half.Ticket, root.get(c))
	is(t, "the ticket of the password", err, signin.ErrLink)
	w.setHash(t, "root", w.account(t, "root").Password+"x")
	_, err = w.FinishPasskey(t.Context(), home, c.Ticket, root.get(c))
	is(t, "after the password changed", err, signin.ErrLink)
	w.change(t, "root", func(a *account.Account) { a.Suspended = true })
	c = w.challenge(t, "")
	_, err = w.FinishPasskey(t.Context(), home, c.Ticket, root.get(c))
	is(t, "suspended", err, signin.ErrSuspended)
}

// TestACopiedPasskeyIsRefused: a counter that goes back tells it.
func TestACopiedPasskeyIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	d.counts = true
	w.addPasskey(t, d, w.signIn(t, "anna"), "")
	thief := *d
	for range 2 {
		c := w.challenge(t, "")
		must(t)(w.FinishPasskey(t.Context(), home, c.Ticket, d.get(c)))
		w.clock.Pass(time.Second)
	}
	c := w.challenge(t, "")
	_, err := w.FinishPasskey(t.Context(), home, c.Ticket, thief.get(c))
	is(t, "a copy", err, signin.ErrWrong)
}

func TestPasskeysAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	step := w.addPasskey(t, d, w.signIn(t, "anna"), strings.Repeat("x", 100))
	c, err := w.BeginPasskeyEnrolment(t.Context(), step.Session)
	if err != nil {
		t.Fatal(err)
	}
	if o := d.read(c); len(o.PublicKey.ExcludeCredentials) != 1 {
		t.Errorf("the passkey that there is may be made again: %s", c.Options)
	}
	answer := d.create(c)
	other := w.signIn(t, "root")
	_, err = w.FinishPasskeyEnrolment(t.Context(), home, other.Session, c.Ticket, "", answer)
	is(t, "somebody else's answer", err, signin.ErrLink)
	step = must(t)(w.FinishPasskeyEnrolment(t.Context(), home, step.Session, c.Ticket, "", answer))

	p := w.proof(t, d, step)
	step = must(t)(w.FinishPasskey(t.Context(), home, p.ticket, p.answer))
	f, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil || len(f.Passkeys) != 2 {
		t.Fatalf("%d passkeys, %v", len(f.Passkeys), err)
	}
	id := f.Passkeys[0].ID
	is(t, "renaming another's", w.RenamePasskey(t.Context(), home, other.Session, id, "mine"), signin.ErrInvalid)
	is(t, "removing another's", w.RemovePasskey(t.Context(), home, other.Session, id), signin.ErrInvalid)
	if err := w.RenamePasskey(t.Context(), home, step.Session, id, "phone"); err != nil {
		t.Error(err)
	}
	for _, k := range f.Passkeys {
		if err := w.RemovePasskey(t.Context(), home, step.Session, k.ID); err != nil {
			t.Error(err)
		}
	}
	if f, err = w.Factors(t.Context(), step.Session.Account); err != nil || f.Any() || f.RecoveryLeft != 0 {
		t.Errorf("factors %+v, %v, want none", f, err)
	}
}

// TestPasskeysAreBounded, also when many are begun before the first is made.
func TestPasskeysAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	step := w.signIn(t, "anna")
	var begun []signin.Challenge
	for range 22 {
		c, err := w.BeginPasskeyEnrolment(t.Context(), step.Session)
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, c)
	}
	for i, c := range begun {
		next, err := w.FinishPasskeyEnrolment(t.Context(), home, step.Session, c.Ticket, "", d.create(c))
		if i < 20 {
			step = must(t)(next, err)
		} else {
			is(t, "one passkey more than there may be", err, signin.ErrInvalid)
		}
	}
}

type proof struct {
	ticket string
	answer []byte
}

func (w *world) proof(t *testing.T, d *device, step signin.Step) proof {
	t.Helper()
	c, err := w.BeginPasskeyProof(t.Context(), step.Session)
	if err != nil {
		t.Fatal(err)
	}
	return proof{c.Ticket, d.get(c)}
}

func TestProofByPasskey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := newDevice(t)
	step := w.addPasskey(t, d, w.signIn(t, "anna"), "")
	w.clock.Pass(signin.FreshFor)
	p := w.proof(t, d, step)
	proved := must(t)(w.FinishPasskey(t.Context(), home, p.ticket, p.answer))
	w.hasNot(t, "the cookie before", step.Cookie)
	if s := w.has(t, "after", proved.Cookie); !s.Fresh(w.clock.Now()) {
		t.Error("the proof does not count")
	}
	w.clock.Pass(time.Second)
	p = w.proof(t, d, proved)
	if err := w.SignOut(t.Context(), home, proved.Cookie); err != nil {
		t.Fatal(err)
	}
	_, err := w.FinishPasskey(t.Context(), home, p.ticket, p.answer)
	is(t, "a session that has ended", err, signin.ErrNoSession)
}

// TestPasskeysWantTLS, but for localhost, and a name.
func TestPasskeysWantTLS(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]error{
		"https://dyn.example.org:8443": nil, "http://localhost:8080": nil,
		"http://dyn.example.org": signin.ErrOff, "https://192.0.2.1": signin.ErrOff, "https://[2001:db8::1]": signin.ErrOff,
	} {
		w := newWorld(t, func(o *signin.Options) { o.PublicURL, _ = url.Parse(where) })
		_, err := w.BeginPasskey(t.Context(), home, "")
		is(t, where, err, want)
	}
}

package signin_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stayput.dev/internal/account"
	"stayput.dev/internal/mail"
	"stayput.dev/internal/registry"
	"stayput.dev/internal/signin"
)

// app makes codes as phones do, of what the QR code says.
type app struct{ secret []byte }

func newApp(t *testing.T, uri string) app {
	t.Helper()
	u, err := url.Parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(u.Query().Get("secret"))
	if err != nil || len(secret) != 20 {
		t.Fatalf("%s has no secret: %v", uri, err)
	}
	return app{secret}
}

func (a app) code(at time.Time) string {
	m := hmac.New(sha1.New, a.secret)
	_ = binary.Write(m, binary.BigEndian, at.Unix()/30)
	sum := m.Sum(nil)
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[sum[19]&15:])&0x7fffffff)%1e6)
}

// enrol gives an account an app, and returns it with the recovery codes and the step.
func (w *world) enrol(t *testing.T, step signin.Step) (app, signin.Step) {
	t.Helper()
	e, err := w.BeginTOTP(t.Context(), step.Session)
	if err != nil {
		t.Fatal(err)
	}
	phone := newApp(t, e.URI)
	return phone, must(t)(w.ConfirmTOTP(t.Context(), home, step.Session, e.Ticket, phone.code(w.clock.Now())))
}

// TestCodes holds the codes against RFC 6238, appendix B.
func TestCodes(t *testing.T) {
	t.Parallel()
	rfc := app{[]byte("12345678901234567890")}
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1234567890: "005924", 20000000000: "353130"} {
		if got := rfc.code(time.Unix(at, 0)); got != want {
			t.Errorf("our app at %d: %s, want %s", at, got, want)
		}
		if got := signin.CodeAt(rfc.secret, at/30); got != want {
			t.Errorf("code at %d: %s, want %s", at, got, want)
		}
	}
}

func TestTOTP(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := w.signIn(t, "anna")
	e, err := w.BeginTOTP(t.Context(), first.Session)
	if err != nil {
		t.Fatal(err)
	}
	if step := w.signIn(t, "anna"); !step.Done() {
		t.Error("an enrolment that was not confirmed counts")
	}
	_, err = w.ConfirmTOTP(t.Context(), home, first.Session, e.Ticket, "000000")
	is(t, "a wrong first code", err, signin.ErrWrong)
	phone := newApp(t, e.URI)
	step := must(t)(w.ConfirmTOTP(t.Context(), home, first.Session, e.Ticket, phone.code(w.clock.Now())))
	w.hasNot(t, "the cookie before", first.Cookie)
	if len(step.RecoveryCodes) != 10 {
		t.Errorf("%d recovery codes, want 10", len(step.RecoveryCodes))
	}
	_, err = w.ConfirmTOTP(t.Context(), home, step.Session, e.Ticket, phone.code(w.clock.Now()))
	is(t, "the form sent twice", err, signin.ErrLink)

	half := w.signIn(t, "anna")
	if half.Done() || fmt.Sprint(half.Factors) != "[totp recovery]" {
		t.Fatalf("after the password: %+v, want a second factor", half)
	}
	w.hasNot(t, "the ticket as a cookie", half.Ticket)
	code := func(why string, c string, want error) signin.Step {
		t.Helper()
		step, err := w.Code(t.Context(), home, half.Ticket, c)
		is(t, why, err, want)
		return step
	}
	code("the code of the enrolment again", phone.code(w.clock.Now()), signin.ErrWrong)
	w.clock.Pass(time.Minute)
	half = w.signIn(t, "anna")
	code("two steps early", phone.code(w.clock.Now().Add(time.Minute)), signin.ErrWrong)
	code("two steps late", phone.code(w.clock.Now().Add(-time.Minute)), signin.ErrWrong)
	in := code("with a blank", phone.code(w.clock.Now())[:3]+" "+phone.code(w.clock.Now())[3:], nil)
	w.has(t, "after the code", in.Cookie)
	code("the same code again", phone.code(w.clock.Now()), signin.ErrWrong)
	code("an earlier code", phone.code(w.clock.Now().Add(-30*time.Second)), signin.ErrWrong)
	code("the next code, of a clock that is fast", phone.code(w.clock.Now().Add(30*time.Second)), nil)
	w.clock.Pass(11 * time.Minute)
	code("a ticket that is too old", phone.code(w.clock.Now()), signin.ErrLink)
	_, err = w.Code(t.Context(), home, "x"+half.Ticket, "123456")
	is(t, "no ticket", err, signin.ErrLink)

	half = w.signIn(t, "anna")
	w.setHash(t, "anna", w.account(t, "root").Password+"x")
	code("after the password changed", phone.code(w.clock.Now()), signin.ErrLink)
}

// TestChangedFactorsAreTold: the owner of an account hears by mail of each second factor
// more and less, and of other recovery codes, whoever changed it.
func TestChangedFactorsAreTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	told := 0
	hears := func(why, from string) {
		t.Helper()
		told++
		if m := w.outbox.await(t, mail.FactorsChanged, told); m.To != "anna@example.org" || m.Data.Place != from {
			t.Errorf("%s: the mail is %+v", why, m)
		}
		w.clock.Pass(time.Second)
	}
	_, step := w.enrol(t, w.signIn(t, "anna"))
	hears("an app", home.Addr.String())
	step = w.addPasskey(t, newDevice(t), step, "phone")
	hears("a passkey", home.Addr.String())
	if _, err := w.NewRecoveryCodes(t.Context(), home, step.Session); err != nil {
		t.Fatal(err)
	}
	hears("other recovery codes", home.Addr.String())
	f, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil || len(f.Passkeys) != 1 {
		t.Fatalf("factors %+v, %v", f, err)
	}
	if err := w.RemovePasskey(t.Context(), home, step.Session, f.Passkeys[0].ID); err != nil {
		t.Fatal(err)
	}
	hears("no passkey", home.Addr.String())
	if err := w.RemoveTOTP(t.Context(), home, step.Session); err != nil {
		t.Fatal(err)
	}
	hears("no app", home.Addr.String())
	if err := w.ResetFactors(t.Context(), registry.Actor{From: "198.51.100.1"}, step.Session.Account); err != nil {
		t.Fatal(err)
	}
	hears("removed by staff", "198.51.100.1")
}

// TestACodeCountsOnce, also when it comes many times at the same moment.
func TestACodeCountsOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	phone, step := w.enrol(t, w.signIn(t, "anna"))
	w.clock.Pass(time.Minute)
	half := w.signIn(t, "anna")
	for why, code := range map[string]string{"code": phone.code(w.clock.Now()), "recovery code": step.RecoveryCodes[0]} {
		var in atomic.Int32
		var all sync.WaitGroup
		for i := range 5 {
			all.Go(func() {
				if s, err := w.Code(t.Context(), from("198.51.100."+strconv.Itoa(i+1)), half.Ticket, code); err == nil && s.Done() {
					in.Add(1)
				}
			})
		}
		all.Wait()
		if in.Load() != 1 {
			t.Errorf("%s: %d signed in, want 1", why, in.Load())
		}
	}
}

func TestGuessingCodesBecomesSlow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	phone, step := w.enrol(t, w.signIn(t, "anna"))
	w.clock.Pass(time.Minute)
	half := w.signIn(t, "anna")
	right := phone.code(w.clock.Now())
	var err error
	for i := range 10 {
		guess := fmt.Sprintf("%06d", i)
		if guess == right {
			continue
		}
		_, err = w.Code(t.Context(), from("203.0.113."+strconv.Itoa(i+1)), half.Ticket, guess)
	}
	is(t, "the tenth guess", err, signin.ErrSlowed)
	if wait := signin.Wait(err); wait <= 0 || wait > 5*time.Minute {
		t.Errorf("wait %v", wait)
	}
	must(t)(w.Code(t.Context(), home, half.Ticket, step.RecoveryCodes[3])) // the owner's way round
}

func TestRecoveryCodes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := w.signIn(t, "anna")
	_, err := w.NewRecoveryCodes(t.Context(), home, plain.Session)
	is(t, "without a second factor", err, signin.ErrOff)
	_, step := w.enrol(t, plain)
	codes := step.RecoveryCodes
	half := w.signIn(t, "anna")
	must(t)(w.Code(t.Context(), home, half.Ticket, strings.ToUpper(strings.ReplaceAll(codes[0], "-", " "))))
	_, err = w.Code(t.Context(), home, half.Ticket, codes[0])
	is(t, "used twice", err, signin.ErrWrong)
	f, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil || f.RecoveryLeft != 9 {
		t.Errorf("%d left, %v, want 9", f.RecoveryLeft, err)
	}
	next, err := w.NewRecoveryCodes(t.Context(), home, step.Session)
	if err != nil || len(next) != 10 {
		t.Fatalf("%q, %v", next, err)
	}
	_, err = w.Code(t.Context(), home, half.Ticket, codes[1])
	is(t, "after new ones were made", err, signin.ErrWrong)
	if err := w.RemoveTOTP(t.Context(), home, step.Session); err != nil {
		t.Fatal(err)
	}
	if !ptr(w.signIn(t, "anna")).Done() {
		t.Error("recovery codes alone are a second factor")
	}
	item, err := w.store.Shelf().Page(t.Context(), "signin-event", "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range item {
		if bytes.Contains(i.Body, []byte(codes[0])) {
			t.Error("an event holds a code")
		}
	}
}

func ptr[T any](v T) *T { return &v }

// TestASecondFactorMayBeRequired: then a session without one may only set one up, and
// the last one stays.
func TestASecondFactorMayBeRequired(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.RequireFactor = []account.Role{account.Admin} })
	if s := w.signIn(t, "anna"); s.Session.MustEnrol {
		t.Error("a customer must enrol")
	}
	step := w.signIn(t, "root")
	if !step.Session.MustEnrol {
		t.Error("an admin need not enrol")
	}
	_, step = w.enrol(t, step)
	if w.has(t, "after enrolment", step.Cookie).MustEnrol {
		t.Error("an admin who has enrolled must enrol")
	}
	is(t, "the last second factor", w.RemoveTOTP(t.Context(), home, step.Session), signin.ErrLastFactor)
	if err := w.ResetFactors(t.Context(), registry.Actor{}, step.Session.Account); err != nil {
		t.Fatal(err)
	}
	w.hasNot(t, "after staff reset the factors", step.Cookie)
	if s := w.signIn(t, "root"); !s.Session.MustEnrol {
		t.Error("after staff reset the factors an admin need not enrol")
	}
}

// TestOneFactorStays, also when two are removed at the same moment.
func TestOneFactorStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *signin.Options) { o.RequireFactor = []account.Role{account.Admin} })
	_, step := w.enrol(t, w.signIn(t, "root"))
	step = w.addPasskey(t, newDevice(t), step, "")
	f, err := w.Factors(t.Context(), step.Session.Account)
	if err != nil {
		t.Fatal(err)
	}
	w.shelf = &lateShelf{Shelf: w.shelf, taking: func(kind string) {
		if kind == "totp" {
			is(t, "the passkey", w.RemovePasskey(t.Context(), home, step.Session, f.Passkeys[0].ID), nil)
		}
	}}
	w.restart(t)
	is(t, "the app", w.RemoveTOTP(t.Context(), home, step.Session), signin.ErrLastFactor)
	if left, err := w.Factors(t.Context(), step.Session.Account); err != nil || !left.TOTP || left.RecoveryLeft == 0 {
		t.Errorf("left are %+v, %v, want the app and the recovery codes", left, err)
	}
}

func TestProofByCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	phone, step := w.enrol(t, w.signIn(t, "anna"))
	w.clock.Pass(signin.FreshFor)
	_, err := w.ProveByCode(t.Context(), home, step.Session, "000000")
	is(t, "a wrong code", err, signin.ErrWrong)
	proved := must(t)(w.ProveByCode(t.Context(), home, step.Session, phone.code(w.clock.Now())))
	w.hasNot(t, "before", step.Cookie)
	if s := w.has(t, "after", proved.Cookie); !s.Fresh(w.clock.Now()) {
		t.Error("the proof does not count")
	}
}

// TestQR: a program that reads QR codes reads ours.
func TestQR(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	e, err := w.BeginTOTP(t.Context(), w.signIn(t, "anna").Session)
	if err != nil {
		t.Fatal(err)
	}
	if want := "otpauth://totp/dyn.example.org:anna?secret="; !strings.HasPrefix(e.URI, want) || !strings.HasSuffix(e.URI, "&issuer=dyn.example.org") {
		t.Errorf("URI %s, want %s", e.URI, want)
	}
	for _, forbidden := range []string{"style=", "<script", "href", "on"} {
		if strings.Contains(strings.ToLower(e.QR), forbidden+"=") {
			t.Errorf("the image has %s", forbidden)
		}
	}
	reader, err := exec.LookPath("zbarimg")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("zbarimg is missing: test/install-peers installs it")
		}
		t.Skip("zbarimg is missing: test/install-peers installs it")
	}
	file := filepath.Join(t.TempDir(), "qr.png")
	if err := os.WriteFile(file, raster(t, e.QR), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(reader, "-q", "--raw", file).Output()
	if got := strings.TrimSpace(string(out)); err != nil || got != e.URI {
		t.Errorf("zbarimg reads %q, %v, want %q", got, err, e.URI)
	}
}

// raster draws the rectangles of our SVG, ten pixels for each unit.
func raster(t *testing.T, svg string) []byte {
	t.Helper()
	size := regexp.MustCompile(`viewBox="0 0 (\d+) `).FindStringSubmatch(svg)
	if size == nil {
		t.Fatalf("no size in %s", svg)
	}
	n, _ := strconv.Atoi(size[1])
	img := image.NewGray(image.Rect(0, 0, 10*n, 10*n))
	for i := range img.Pix {
		img.Pix[i] = 255
	}
	for _, m := range regexp.MustCompile(`M(\d+) (\d+)h(\d+)v1h-\d+z`).FindAllStringSubmatch(svg, -1) {
		x, _ := strconv.Atoi(m[1])
		y, _ := strconv.Atoi(m[2])
		run, _ := strconv.Atoi(m[3])
		for py := 10 * y; py < 10*(y+1); py++ {
			for px := 10 * x; px < 10*(x+run); px++ {
				img.SetGray(px, py, color.Gray{})
			}
		}
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

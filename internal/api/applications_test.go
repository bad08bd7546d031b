package api_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/registry"
)

// applications stands for package signin, which keeps them. The zero value has none.
type applications struct {
	mu    sync.Mutex
	ids   []string // in order
	admin *admin.Service
	by    registry.Actor // who decided the last one
}

// Applications implements api.Applications.
func (a *applications) Applications(_ context.Context, after string, limit int) (page []api.Application, _ error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, id := range a.ids {
		if id > after && len(page) < limit {
			page = append(page, api.Application{ID: id, Name: id, Email: id + "@example.org", At: time.Unix(1, 0).UTC(), From: "192.0.2.7"})
		}
	}
	return page, nil
}

// Approve implements api.Applications.
func (a *applications) Approve(ctx context.Context, by registry.Actor, id string) error {
	if err := a.Decline(ctx, by, id); err != nil {
		return err
	}
	_, err := a.admin.As(by).AddAccount(ctx, admin.NewAccount{Name: id})
	return err
}

// Decline implements api.Applications.
func (a *applications) Decline(_ context.Context, by registry.Actor, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, x := range a.ids {
		if x == id {
			a.ids = append(a.ids[:i:i], a.ids[i+1:]...)
			a.by = by
			return nil
		}
	}
	return admin.ErrNotFound
}

// TestApplications: an admin sees who waits for an account, page after page, and decides;
// support may look, and customers may not.
func TestApplications(t *testing.T) {
	t.Parallel()
	w, alice, _ := newCity(t)
	ctx := t.Context()
	ok(w.AddAccount(ctx, api.NewAccount{Name: "desk", Role: "support"}))(t)
	root := w.token(api.NewToken{Account: "root", Staff: true})
	if text := w.wants(200, root, "GET", "/applications", ""); !strings.Contains(text, `"applications":[]`) {
		t.Errorf("where nobody waits, the list is %s", text)
	}
	w.applied.admin = w.admin
	for i := range 250 {
		w.applied.ids = append(w.applied.ids, fmt.Sprintf("n%03d", i))
	}
	w.applied.ids = append(w.applied.ids, "nick")
	var all []api.Application
	for x, err := range w.AllApplications(ctx) {
		done(t, err)
		all = append(all, x)
	}
	if len(all) != 251 || all[250].Email != "nick@example.org" {
		t.Errorf("%d applications, the last %+v", len(all), all[len(all)-1])
	}
	desk := w.token(api.NewToken{Account: "desk", Staff: true})
	w.wants(200, desk, "GET", "/applications", "")
	w.wants(403, alice["secret"], "GET", "/applications", "")
	for _, secret := range []string{alice["secret"], desk} {
		w.wants(403, secret, "POST", "/applications/n000/approve", "")
		w.wants(403, secret, "DELETE", "/applications/n000", "")
	}

	w.wants(200, root, "POST", "/applications/n000/approve", "")
	if by, _ := w.registry.State().Accounts.Account("root"); w.applied.by.Account != by.ID || w.applied.by.Via != "api" {
		t.Errorf("it was approved by %+v", w.applied.by)
	}
	w.wants(404, root, "POST", "/applications/n000/approve", "")
	w.wants(204, root, "DELETE", "/applications/n001", "")
	w.wants(404, root, "DELETE", "/applications/n001", "")
	if a := ok(w.Approve(ctx, "n002"))(t); a.Name != "n002" || a.Role != "customer" {
		t.Errorf("the account is %+v", a)
	}
	ok(w.AddAccount(ctx, api.NewAccount{Name: "n003"}))(t)
	w.wants(409, root, "POST", "/applications/n003/approve", "")
	done(t, w.Decline(ctx, "nick"))
}

package api

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"github.com/danielgtaylor/huma/v2"

	"stayput.dev/internal/admin"
)

// backupFile is where a backup is written, on the daemon's machine.
type backupFile struct {
	File string `json:"file" doc:"An absolute path at which nothing stands yet."`
}

func (s *server) addService(api huma.API) {
	answer(api, operation(http.MethodGet, "/status", "show-status", "Show how the daemon fares"), s.showStatus)
	answer(api, operation(http.MethodPost, "/backup", "make-backup", "Write a consistent copy of all that is stored"), s.makeBackup)

	answer(api, operation(http.MethodPost, "/upgrade", "upgrade", "Let a new process of the program take over"), s.upgrade)

	seed := operation(http.MethodPost, "/seed", "seed", "Make up hosts and accounts")
	seed.Hidden = true
	huma.Register(api, seed, func(ctx context.Context, in *body[SeedPlan]) (*huma.StreamResponse, error) {
		name, err := admin.ParseName(in.Body.Zone)
		if err != nil {
			return nil, problem(err)
		}
		plan := admin.SeedPlan{Zone: name, Hosts: in.Body.Hosts, Accounts: in.Body.Accounts}
		return stream("text/csv", func(w io.Writer) error { return s.admin.Seed(ctx, plan, w) }), nil
	})
}

func (s *server) showStatus(context.Context, *struct{}) (Status, error) {
	st := s.registry.State()
	out := Status{
		Version: s.version, PID: os.Getpid(), Started: s.started.UTC(), Uptime: int64(s.now().Sub(s.started).Seconds()),
		Revision: uint64(st.Revision), Zones: st.Zones.Len(),
		Accounts: st.Accounts.CountAccounts(), Hosts: st.Accounts.CountHosts(),
	}
	if err := s.registry.Err(); err != nil {
		out.StoreError = err.Error()
	}
	if s.upgrades != nil {
		out.UpgradeError = s.upgrades.UpgradeError()
	}
	return out, nil
}

// upgrade answers before the new process takes over, with the one that is to end.
func (s *server) upgrade(ctx context.Context, _ *struct{}) (Upgrade, error) {
	if s.upgrades == nil {
		return Upgrade{}, newProblem(http.StatusNotImplemented, "this daemon cannot be upgraded while it runs", "")
	}
	if err := s.upgrades.Upgrade(ctx); err != nil {
		hint := ""
		if h, ok := err.(interface{ Hint() string }); ok {
			hint = h.Hint()
		}
		return Upgrade{}, newProblem(http.StatusConflict, "cannot upgrade: "+err.Error(), hint)
	}
	return Upgrade{PID: os.Getpid()}, nil
}

func (s *server) makeBackup(ctx context.Context, in *body[backupFile]) (backupFile, error) {
	if s.backup == nil {
		return backupFile{}, newProblem(http.StatusNotImplemented, "this store makes no backups", "")
	}
	if !filepath.IsAbs(in.Body.File) {
		return backupFile{}, newProblem(http.StatusUnprocessableEntity, "the path of a backup is absolute", "")
	}
	return in.Body, s.backup.Backup(ctx, in.Body.File)
}

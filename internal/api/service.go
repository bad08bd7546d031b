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
	answer(s, api, operation(http.MethodGet, "/status", "show-status", "Show how the daemon fares"), s.showStatus)
	answer(s, api, operation(http.MethodPost, "/backup", "make-backup", "Write a consistent copy of all that is stored"), s.makeBackup)

	answer(s, api, operation(http.MethodGet, "/secondaries", "check-secondaries", "Ask all secondaries which version of each zone they have"), s.checkSecondaries)
	answer(s, api, operation(http.MethodPost, "/upgrade", "upgrade", "Let a new process of the program take over"), s.upgrade)

	seed := operation(http.MethodPost, "/seed", "seed", "Make up hosts and accounts")
	seed.Hidden = true
	flow(s, api, seed, func(ctx context.Context, in *body[SeedPlan]) (*huma.StreamResponse, error) {
		name, err := admin.ParseName(in.Body.Zone)
		if err != nil {
			return nil, err
		}
		plan := admin.SeedPlan{Zone: name, Hosts: in.Body.Hosts, Accounts: in.Body.Accounts}
		return stream("text/csv", func(w io.Writer) error { return s.as(ctx).Seed(ctx, plan, w) }), nil
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

// secondaryList is how all secondaries follow all zones.
type secondaryList struct {
	Secondaries []SecondaryStatus `json:"secondaries" nullable:"false"`
}

func (s *server) checkSecondaries(ctx context.Context, _ *struct{}) (secondaryList, error) {
	if s.secondaries == nil {
		return secondaryList{[]SecondaryStatus{}}, nil
	}
	return secondaryList{s.secondaries.Check(ctx)}, nil
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
		return backupFile{}, newProblem(http.StatusNotImplemented, "the data is in a database that is not ours to back up", "use its own tools, such as pg_dump")
	}
	if !filepath.IsAbs(in.Body.File) {
		return backupFile{}, newProblem(http.StatusUnprocessableEntity, "the path of a backup is absolute", "")
	}
	return in.Body, s.backup.Backup(ctx, in.Body.File)
}

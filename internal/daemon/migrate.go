package daemon

import (
	"cmp"
	"context"
	"errors"

	"stayput.dev/internal/config"
	"stayput.dev/internal/store"
)

// Migration says what Migrate is to do. A place is a data directory or the URL of a
// PostgreSQL database.
type Migration struct {
	From string // empty: the place that the configuration names
	To   string
	store.MoveOptions
}

// Migrate moves the data of daemons that do not run to another place, see store.Move.
func Migrate(ctx context.Context, cfg *config.Config, m Migration) (store.Moved, error) {
	from := cmp.Or(m.From, string(cfg.Store.URL), cfg.Data)
	moved, err := store.Move(ctx, from, m.To, m.MoveOptions)
	for _, h := range moveHints {
		if errors.Is(err, h.of) {
			return moved, &Error{err, h.help}
		}
	}
	return moved, err
}

var moveHints = []struct {
	of   error
	help string
}{
	{store.ErrInUse, "stop all daemons that use it; --ahead copies most of it while they run"},
	{store.ErrOccupied, "name an empty database or schema, or a directory without stayput.db; what is there stays as it is"},
	{store.ErrUnfinished, unfinishedHelp},
	{store.ErrNothing, "--from says where the data is"},
	{store.ErrSchema, "start the daemon of this version once, which migrates it"},
	{store.ErrDiffers, "the copy is not used; call the same again, and if it still differs, keep both and ask for help"},
	{store.ErrUnreachable, "does it run, and may this machine connect to it?"},
}

// unfinishedHelp is for who opens a place that data is being moved to.
const unfinishedHelp = "call `stayput store migrate` again, which goes on where it was; until then the data is where it came from"

package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"

	"stayput.dev/internal/api"
)

// seed fills a zone, which it makes if need be, and writes the list of keys to
// the file, or to standard output if that is empty.
func (a *app) seed(ctx context.Context, plan api.SeedPlan, file string) (err error) {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if err := ensureZone(ctx, c, plan.Zone); err != nil {
		return err
	}
	if file == "" {
		return c.Seed(ctx, plan, a.out)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("writing the list of keys: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return c.Seed(ctx, plan, f)
}

func ensureZone(ctx context.Context, c *api.Client, name string) error {
	_, err := c.Zone(ctx, name)
	if e, ok := errors.AsType[*api.Error](err); !ok || e.Status != http.StatusNotFound {
		return err
	}
	_, err = c.AddZone(ctx, api.NewZone{
		Name:        name,
		NameServers: []api.NewNameServer{{Name: "ns1." + name, Addresses: []string{"127.0.0.1"}}},
	})
	return err
}

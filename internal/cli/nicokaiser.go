package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"stayput.dev/internal/importer"
)

func (a *app) importNicokaiserCommand() *cobra.Command {
	var how importing
	var zones oldZones
	var n importer.Nicokaiser
	cmd := &cobra.Command{
		Use:   "nicokaiser --hosts FILE --users FILE " + oldZonesUse + " [--new-hosts N] [--with-address] [--dry-run] [--force]",
		Short: "Take over an installation of nicokaiser/Dyndns",
		Long: `Take over an installation of nicokaiser/Dyndns: its files of hosts and users, and
the zones, from the server that has them or from files, with their serials and
TTLs.

Every user becomes an update key, with the password of before; each device goes
on as it is. Users who share hosts become keys of one account, named after the
first of them. A pattern such as *.u1.dyn.example.org takes the names that have
addresses now; devices may make further ones by updating them, as before, up to
--new-hosts for each key.

Devices hear "good" and nothing else, as before, also when nothing changed; with
--with-address they hear the address after it, as other services say it. "stayput
key set USERNAME --bare-good=false" does the same for one key later.

It may be repeated while the old installation is still in use: passwords,
addresses and serials follow it, until a device reports its address here.`,
		Example: `  stayput import nicokaiser --hosts dyndns.hosts --users dyndns.user --zone dyn.example.org --from 127.0.0.1 --dry-run
  stayput import nicokaiser --hosts dyndns.hosts --users dyndns.user --zone-file dyn.example.org=db.dyn`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "hosts", "users"); err != nil {
				return err
			}
			return a.importNicokaiser(cmd.Context(), n, zones, how)
		},
	}
	cmd.Flags().StringVar(&n.HostsFile, "hosts", "", "`file` of hosts, such as dyndns.hosts")
	cmd.Flags().StringVar(&n.UsersFile, "users", "", "`file` of users, such as dyndns.user")
	cmd.Flags().Uint32Var(&n.NewHosts, "new-hosts", 100, "`number` of hosts that fit a pattern up to which devices may make further ones; 0 for none")
	cmd.Flags().BoolVar(&n.WithAddress, "with-address", false, "reply \"good\" with the address after it, which the old service left out")
	zones.flags(cmd)
	how.flags(cmd)
	return cmd
}

func (a *app) importNicokaiser(ctx context.Context, n importer.Nicokaiser, zones oldZones, how importing) (err error) {
	if n.Zones, err = zones.read(ctx, a); err != nil {
		return err
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	if n.Known, err = knownKeys(ctx, c); err != nil {
		return err
	}
	hostLines, err := a.open(n.HostsFile)
	if err != nil {
		return err
	}
	defer hostLines.Close()
	userLines, err := a.open(n.UsersFile)
	if err != nil {
		return err
	}
	defer userLines.Close()
	n.Hosts, n.Users = hostLines, userLines
	plan, err := n.Plan()
	if err != nil {
		return err
	}
	return a.moveIn(ctx, c, plan, how)
}

func (a *app) exportCommand() *cobra.Command {
	return group(
		&cobra.Command{
			Use:   "export KIND",
			Short: "Write customers, hosts and keys for others to read",
			Long: `Write accounts, hosts and update keys in a form that others read. Zones are
written by ` + "`stayput zone export`" + `.`,
		},
		a.exportNicokaiserCommand(), a.exportCSVCommand(),
	)
}

func (a *app) exportNicokaiserCommand() *cobra.Command {
	var hosts, users string
	cmd := &cobra.Command{
		Use:   "nicokaiser --hosts FILE --users FILE",
		Short: "Write the flat files of nicokaiser/Dyndns",
		Long: `Write the files of hosts and users of nicokaiser/Dyndns, as the way back. They
replace files that are there, each in one step.

The hash of a password can be written as long as the old one is known: until the
first use, and for 30 days after it or after the last import. Users without one
are told of, and need a new password there.`,
		Example: "  stayput export nicokaiser --hosts dyndns.hosts --users dyndns.user",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := required(cmd, "hosts", "users"); err != nil {
				return err
			}
			house, err := a.readHouse(cmd.Context())
			if err != nil {
				return err
			}
			var hostLines, userLines bytes.Buffer
			problems, err := house.WriteNicokaiser(&hostLines, &userLines)
			if err == nil {
				err = replaceFile(hosts, hostLines.Bytes())
			}
			if err == nil {
				err = replaceFile(users, userLines.Bytes())
			}
			if err != nil {
				return err
			}
			return a.show(exportReport{problems}, func(w io.Writer) {
				for _, p := range problems {
					fmt.Fprintf(w, "note: %s: %s\n", oneLine(p.Where), oneLine(p.What))
				}
				fmt.Fprintf(w, "wrote %s to %s and %s to %s\n", counted(bytes.Count(hostLines.Bytes(), []byte("\n")), "line"), hosts,
					counted(bytes.Count(userLines.Bytes(), []byte("\n")), "user"), users)
			})
		},
	}
	cmd.Flags().StringVar(&hosts, "hosts", "", "`file` of hosts to write")
	cmd.Flags().StringVar(&users, "users", "", "`file` of users to write")
	return cmd
}

// exportReport is what an export could not hold.
type exportReport struct {
	Problems []importer.Problem `json:"problems"`
}

func (a *app) exportCSVCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "csv",
		Short: "Print a list of customers, hosts and keys",
		Long: `Print a list of customers, hosts and update keys, with the columns that
` + "`stayput import csv`" + ` reads. Secrets are not in it; the hash of one is where it came
from another program and still counts.`,
		Example: "  stayput export csv > customers.csv",
		Args:    takes(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			house, err := a.readHouse(cmd.Context())
			if err != nil {
				return err
			}
			return house.WriteCSV(a.out)
		},
	}
}

func (a *app) readHouse(ctx context.Context) (*importer.House, error) {
	c, err := a.dial(ctx)
	if err != nil {
		return nil, err
	}
	return importer.ReadHouse(ctx, c)
}

// replaceFile puts a file in the place of what was there, in one step, with the mode
// of that; a new one is readable by its owner alone.
func replaceFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if was, missing := os.Stat(path); missing == nil {
		err = errors.Join(err, f.Chmod(was.Mode().Perm()))
	}
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	return err
}

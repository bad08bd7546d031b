package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

func (a *app) zoneExportCommand() *cobra.Command {
	return &cobra.Command{
		Use:               "export NAME",
		Short:             "Print a zone as a master file",
		Long:              "Print a zone as a master file (RFC 1035): the SOA record first, then all names in order.",
		Example:           "  stayput zone export dyn.example.org > dyn.example.org.zone",
		Args:              takes("NAME"),
		ValidArgsFunction: a.complete(zoneNames),
		RunE: a.asking(func(ctx context.Context, c *api.Client, args []string) error {
			return c.ExportZone(ctx, args[0], a.out)
		}),
	}
}

func (a *app) zoneImportCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "import NAME FILE [NAME FILE ...]",
		Short: "Make zones of master files, or replace their content",
		Long: `Make zones of master files, or put the files' content in the place of what there
was: all of them in one commit, or none. A FILE of "-" is standard input.

What is odd but valid is warned about on standard error; what is invalid is
refused. Hosts stay hosts: one that the file does not name has no address
afterwards. Other names become hosts by ` + "`stayput host add`" + `.`,
		Example: `  stayput zone import dyn.example.org dyn.example.org.zone
  dig @192.0.2.53 dyn.example.org axfr | stayput zone import dyn.example.org -`,
		Args: zonesAndFiles,
		RunE: func(cmd *cobra.Command, args []string) error { return a.importZones(cmd.Context(), args) },
	}
}

func zonesAndFiles(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return misuse("missing NAME and FILE")
	case len(args)%2 != 0:
		return misuse("missing FILE for zone %s", args[len(args)-1])
	}
	stdin := 0
	for i := 1; i < len(args); i += 2 {
		if args[i] == "-" {
			stdin++
		}
	}
	if stdin > 1 {
		return misuse("only one zone can be read from standard input")
	}
	return nil
}

// importZones imports files: zones and the paths of their files in turn.
func (a *app) importZones(ctx context.Context, args []string) (err error) {
	var files []api.ZoneFile
	for i := 0; i+1 < len(args); i += 2 {
		content, err := a.open(args[i+1])
		if err != nil {
			return err
		}
		defer content.Close()
		files = append(files, api.ZoneFile{Zone: args[i], File: args[i+1], Content: content})
	}
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	imported, err := c.ImportZones(ctx, files)
	if err != nil {
		return err
	}
	for _, z := range imported {
		for _, warning := range z.Warnings {
			fmt.Fprintf(a.err, "warning: %s\n", oneLine(warning))
		}
	}
	return a.show(imported, func(w io.Writer) {
		for _, z := range imported {
			fmt.Fprintf(w, "imported zone %s: %s\n", z.Zone, counted(z.Names, "name"))
		}
	})
}

// open opens a file, or standard input for "-".
func (a *app) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(a.in), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if s, err := f.Stat(); err != nil || s.IsDir() {
		return nil, errors.Join(fmt.Errorf("%s is not a file", path), f.Close())
	}
	return f, nil
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/importer"
)

// zoneSource says which server has the zones.
type zoneSource struct {
	server  string
	keyFile string
}

func (s *zoneSource) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.server, "from", "", "`address` of the server that has the zone, which must allow the transfer (AXFR)")
	cmd.Flags().StringVar(&s.keyFile, "tsig", "", "`file` with the TSIG key for the transfer, as tsig-keygen writes it")
}

// transfer asks the server for the zone.
func (s *zoneSource) transfer(ctx context.Context, name string) (*importer.Zone, error) {
	var key *importer.Key
	if s.keyFile != "" {
		text, err := os.ReadFile(s.keyFile)
		if err != nil {
			return nil, err
		}
		if key, err = importer.ReadKey(string(text)); err != nil {
			return nil, fmt.Errorf("reading %s: %w", s.keyFile, err)
		}
	}
	z, err := importer.Transfer(ctx, s.server, name, key)
	if _, silent := errors.AsType[*net.OpError](err); silent {
		return nil, &hinted{err, "does a DNS server answer there, over TCP?"}
	}
	if err != nil {
		return nil, &hinted{err, "the server must allow the transfer: in BIND, by allow-transfer for this address or the key"}
	}
	return z, nil
}

// oldZones are the zones in which the hosts of another installation are.
type oldZones struct {
	zoneSource

	names, files []string
}

// oldZonesUse is how a usage line tells of them.
const oldZonesUse = "[--zone NAME ... --from ADDRESS [--tsig FILE]] [--zone-file NAME=FILE ...]"

func (z *oldZones) flags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&z.names, "zone", nil, "`name` of a zone to ask for; may be given more than once")
	cmd.Flags().StringArrayVar(&z.files, "zone-file", nil, "`name` of a zone, \"=\" and its file; may be given more than once")
	z.zoneSource.flags(cmd)
}

// read asks for the zones, or reads them from their files.
func (z *oldZones) read(ctx context.Context, a *app) ([]*importer.Zone, error) {
	if (z.server == "") != (len(z.names) == 0) {
		return nil, misuse("--zone and --from belong together")
	}
	var zones []*importer.Zone
	for _, name := range z.names {
		zone, err := z.transfer(ctx, name)
		if err != nil {
			return nil, err
		}
		zones = append(zones, zone)
	}
	for _, pair := range z.files {
		name, file, ok := strings.Cut(pair, "=")
		if !ok {
			return nil, misuse("--zone-file is NAME=FILE, not %q", pair)
		}
		zone, err := a.readZone(name, file)
		if err != nil {
			return nil, err
		}
		zones = append(zones, zone)
	}
	return zones, nil
}

// readZone reads a zone from a file.
func (a *app) readZone(name, file string) (*importer.Zone, error) {
	f, err := a.open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return importer.ReadZone(name, file, f)
}

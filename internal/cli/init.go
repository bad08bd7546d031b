package cli

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stayput.dev/internal/admin"
	"stayput.dev/internal/api"
	"stayput.dev/internal/config"
	"stayput.dev/internal/daemon"
	"stayput.dev/internal/recipe"
)

// founding is what `init` needs to know.
type founding struct {
	zone, server  string
	addresses     []string
	admin         string
	password      string
	passwordStdin bool
	passwordMade  bool

	data, file  string
	dns, http   []string
	replaceFile bool
}

func (a *app) initCommand() *cobra.Command {
	var f founding
	cmd := &cobra.Command{
		Use:   "init [--zone ZONE --ns SERVER --address ADDRESS --admin NAME] [--listen-dns ADDRESSES] [--listen-http ADDRESSES] [--password-stdin] [--force] [--config FILE]",
		Short: "Write the first configuration, zone and administrator",
		Long: `Write a configuration, make a zone and an administrator, and print the records
that the zone above needs. It asks for what the flags do not say when a person
sits there, and touches nothing that exists.

The daemon must not be running.`,
		Example: `  stayput init
  stayput init --zone dyn.example.org --address 192.0.2.1 --admin root --config stayput.toml`,
		Args: takes(),
		RunE: func(cmd *cobra.Command, _ []string) error { return a.init(cmd.Context(), &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.zone, "zone", "", "`zone` that hosts will be in, such as dyn.example.org")
	flags.StringVar(&f.server, "ns", "", "`name` of this name server (default ns1 below the zone)")
	flags.StringSliceVar(&f.addresses, "address", nil, "public `address` of this server; may be given more than once")
	flags.StringVar(&f.admin, "admin", "", "`name` of the administrator's account (default admin)")
	flags.BoolVar(&f.passwordStdin, "password-stdin", false, "read the administrator's password from standard input")
	flags.StringSliceVar(&f.dns, "listen-dns", []string{":53"}, "`addresses` and ports to answer DNS on")
	flags.StringSliceVar(&f.http, "listen-http", []string{":80"}, "`addresses` and ports to answer HTTP on")
	flags.BoolVar(&f.replaceFile, "force", false, "replace the configuration file")
	return cmd
}

func (a *app) init(ctx context.Context, f *founding) error {
	f.file, f.data = a.config, a.data
	if f.file == "" {
		f.file = "stayput.toml"
	}
	if f.data == "" {
		f.data = "stayput-data"
	}
	if _, err := os.Lstat(f.file); !f.replaceFile && !errors.Is(err, fs.ErrNotExist) {
		if err != nil {
			return fmt.Errorf("looking for a configuration: %w", err)
		}
		return &hinted{fmt.Errorf("%s exists already", f.file), "--force replaces it, --config names another file"}
	}
	if err := a.askFounding(f); err != nil {
		return err
	}
	made, err := a.found(ctx, f)
	if err != nil {
		return err
	}
	return a.tellFounding(f, made)
}

// databaseEnvironment returns what the environment says of the database: that is
// where the first zone goes. The rest is what the file says.
func databaseEnvironment() []string {
	return slices.DeleteFunc(os.Environ(), func(assignment string) bool {
		return !strings.HasPrefix(assignment, "STAYPUT_STORE_")
	})
}

// askFounding completes f with answers, or with what is usual where nobody can be
// asked.
func (a *app) askFounding(f *founding) (err error) {
	if a.terminal() == nil {
		return a.assumeFounding(f)
	}
	ask := func(value *string, question, usual string) {
		if *value == "" && err == nil {
			*value, err = a.ask(question, usual)
		}
	}
	ask(&f.zone, "Zone that hosts will be in, such as dyn.example.org", "")
	if f.zone == "" {
		return errors.Join(err, misuse("missing --zone"))
	}
	ask(&f.server, "Name of this name server", "ns1."+f.zone)
	if len(f.addresses) == 0 && f.needsAddress() {
		var text string
		ask(&text, "Its public addresses, with commas between them", "")
		f.addresses = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
	}
	ask(&f.admin, "Name of the administrator's account", "admin")
	if err != nil {
		return err
	}
	if f.passwordStdin {
		if f.password, err = a.readSecret("password-stdin", "password"); err != nil {
			return err
		}
	}
	return f.check()
}

func (a *app) assumeFounding(f *founding) (err error) {
	if f.zone == "" {
		return misuse("missing --zone, and nobody to ask")
	}
	if f.server == "" {
		f.server = "ns1." + f.zone
	}
	if f.admin == "" {
		f.admin = "admin"
	}
	if f.passwordStdin {
		if f.password, err = a.readSecret("password-stdin", "password"); err != nil {
			return err
		}
	}
	return f.check()
}

// needsAddress tells whether the name server is within the zone.
func (f *founding) needsAddress() bool {
	origin, err := admin.ParseName(f.zone)
	if err != nil {
		return false
	}
	server, err := admin.ParseName(f.server)
	return err == nil && server.IsWithin(origin)
}

// check tells what is wrong before anything is written, and makes a password
// where none was given.
func (f *founding) check() error {
	if _, err := f.newZone(); err != nil {
		return err
	}
	if len(f.addresses) == 0 && f.needsAddress() {
		return misuse("missing --address: %s is within the zone", f.server)
	}
	if f.password == "" {
		f.password, f.passwordMade = rand.Text(), true
	}
	return nil
}

func (f *founding) newZone() (n admin.NewZone, err error) {
	if n.Name, err = admin.ParseName(f.zone); err != nil {
		return n, err
	}
	var server admin.NameServer
	if server.Name, err = admin.ParseName(f.server); err != nil {
		return n, err
	}
	for _, text := range f.addresses {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return n, fmt.Errorf("%q is not an address", text)
		}
		server.Addrs = append(server.Addrs, addr)
	}
	n.NameServers = []admin.NameServer{server}
	return n, nil
}

// found writes the configuration and makes zone and administrator. The file
// takes its place last, so that what fails can be tried again.
func (a *app) found(ctx context.Context, f *founding) (admin.Zone, error) {
	var made admin.Zone
	data, err := filepath.Abs(f.data)
	if err != nil {
		return made, fmt.Errorf("finding the data directory: %w", err)
	}
	draft, err := writeDraft(f.file, foundingConfig(data, f.dns, f.http))
	if err != nil {
		return made, fmt.Errorf("writing the configuration: %w", err)
	}
	defer os.Remove(draft) // gone when all went well
	cfg, err := config.Load(draft, databaseEnvironment())
	if err != nil {
		return made, inFile(err, f.file)
	}
	err = daemon.Setup(ctx, cfg, func(s *admin.Service) (err error) {
		made, err = f.apply(ctx, s)
		return err
	})
	if err != nil {
		return made, err
	}
	if err := replace(draft, f.file); err != nil {
		return made, fmt.Errorf("writing the configuration: %w", err)
	}
	return made, nil
}

func (f *founding) apply(ctx context.Context, s *admin.Service) (admin.Zone, error) {
	n, err := f.newZone()
	if err != nil {
		return admin.Zone{}, err
	}
	made, err := s.AddZone(ctx, n)
	if err != nil {
		return made, err
	}
	_, err = s.AddAccount(ctx, admin.NewAccount{Name: f.admin, Role: "admin", Password: f.password})
	return made, err
}

func (a *app) tellFounding(f *founding, z admin.Zone) error {
	var servers []api.NameServer
	for _, s := range z.NameServers {
		servers = append(servers, api.NameServer{Name: s.Name.String(), Addresses: s.Addrs})
	}
	told := struct {
		Config      string           `json:"config"`
		Zone        string           `json:"zone"`
		NameServers []api.NameServer `json:"name_servers"`
		Admin       string           `json:"admin"`
		Password    string           `json:"password,omitempty"`
	}{Config: f.file, Zone: z.Name.String(), NameServers: servers, Admin: f.admin}
	if f.passwordMade {
		told.Password = f.password
	}
	if a.json {
		return a.show(told, nil)
	}
	fmt.Fprintf(a.out, "wrote %s\nadded zone %s\nadded account %s\n", f.file, told.Zone, f.admin)
	if f.passwordMade {
		fmt.Fprintf(a.out, "\nThe password of %s, shown only now:\n\n    %s\n", f.admin, f.password)
	}
	fmt.Fprintf(a.out, "\nPut these records into the zone above %s:\n\n%s", told.Zone, delegation(told.Zone, servers))
	file := recipe.ShellWord(f.file)
	fmt.Fprintf(a.out, `
Then run the daemon, and make the first host and its update key:

    stayput serve --config %[1]s
    stayput account add alice --config %[1]s
    stayput host add home.%[2]s --account alice --config %[1]s
    stayput key add --account alice --config %[1]s
`, file, told.Zone)
	return nil
}

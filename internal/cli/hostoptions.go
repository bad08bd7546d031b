package cli

import (
	"github.com/spf13/cobra"

	"stayput.dev/internal/api"
)

// optionFlags are the options of a host, which `host add` and `host set` share.
type optionFlags struct {
	wildcard, backupMX                      bool
	mx, offline, expireAfter, deviceOptions string
}

// optionFlagNames are those of the flags.
var optionFlagNames = [...]string{"wildcard", "mx", "backup-mx", "offline", "expire-after", "device-options"}

// optionHelp explains them.
const optionHelp = `With --wildcard, all names below the host that do not exist have its addresses;
--wildcard=false ends that. With --mx, another host takes its mail, with
--backup-mx only when it cannot do so itself.

A host is offline when its device says so, or when it has been silent for longer
than --expire-after, until an address is reported or given. Meanwhile its name
stays without an address (--offline nodata, which is usual), does not exist
(nxdomain), has other addresses, or is an alias of another name, such as that of a
page that says so.

Devices may ask for wildcards and mail exchangers, too, and many do so without
being told to: with --device-options ignore, the host keeps those it has.`

func (f *optionFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.wildcard, "wildcard", false, "all names below that do not exist have its addresses")
	flags.StringVar(&f.mx, "mx", "", "`host` that takes its mail; empty for none")
	flags.BoolVar(&f.backupMX, "backup-mx", false, "the mail exchanger stands behind the host itself")
	flags.StringVar(&f.offline, "offline", "", "what stands while it is offline: `choice` of nodata, nxdomain, addresses, or what it is an alias of then")
	flags.StringVar(&f.expireAfter, "expire-after", "",
		"how long it may be silent: `time` such as 30d, never, or default for what updates.expire_after says")
	flags.StringVar(&f.deviceOptions, "device-options", "",
		"options that devices ask for: `choice` of accept, ignore, or default for what updates.device_options says")
	completeWords(cmd, "offline", "nodata", "nxdomain")
	completeWords(cmd, "expire-after", "default", "never", "30d", "90d")
	completeWords(cmd, "device-options", "default", "ignore", "accept")
}

func (f *optionFlags) options(cmd *cobra.Command) api.HostOptions {
	return api.HostOptions{
		Wildcard: changed(cmd, "wildcard", f.wildcard), MX: changed(cmd, "mx", f.mx), BackupMX: changed(cmd, "backup-mx", f.backupMX),
		Offline: changed(cmd, "offline", f.offline), ExpireAfter: changed(cmd, "expire-after", f.expireAfter),
		DeviceOptions: changed(cmd, "device-options", f.deviceOptions),
	}
}

// state says in a few words why a host has not the addresses that it was given;
// empty when it has them.
func state(h api.Host) string {
	switch {
	case h.Suspended:
		return "suspended with its account"
	case h.WentOffline != nil:
		by := yes(h.WentOffline.Username != "", " by "+h.WentOffline.Username)
		return "offline since " + timeText(h.WentOffline.At) + " via " + h.WentOffline.Via + by
	}
	return ""
}

// standing says in a few words what stands at a host; empty for nothing.
func standing(h api.Host) string {
	switch {
	case len(h.Addresses) > 0:
		return addressText(h.Addresses) + yes(h.WentOffline != nil, " (offline)")
	case h.WentOffline != nil:
		return "offline"
	case h.Alias != "":
		return "alias of " + h.Alias
	}
	return ""
}

// mailText says who takes a host's mail.
func mailText(h api.Host) string { return h.MX + yes(h.BackupMX, " as a backup") }

// expiryText says when a host goes offline by itself; empty for never.
func expiryText(h api.Host) string {
	if h.Expires.IsZero() {
		return ""
	}
	return timeText(h.Expires) + yes(h.Expiring, " unless it reports soon")
}

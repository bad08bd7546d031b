package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"
)

// recipe is what one kind of device or program needs to be told.
type recipe struct {
	For  string `json:"for"`
	Text string `json:"text"`

	title string
}

// recipes returns what keeps a host up to date, for a service at base. In the
// texts, the secret is a placeholder.
func recipes(base *url.URL, host, username string) []recipe {
	yesNo, trueFalse := "no", "false"
	if base.Scheme == "https" {
		yesNo, trueFalse = "yes", "true"
	}
	fill := strings.NewReplacer(
		"{base}", base.String(), "{server}", base.Host, "{scheme}", base.Scheme, "{host}", host,
		"{user}", username, "{secret}", unknownSecret, "{yes}", yesNo, "{true}", trueFalse,
		"{word}", shellWord(username), "{login}", shellWord(username+":"+unknownSecret),
		"{script-user}", routerString(username),
	)
	all := []recipe{
		{"url", urlRecipe, "Update URL, with user name and secret by HTTP Basic authentication"},
		{"curl", curlRecipe, "curl"},
		{"ddclient", ddclientRecipe, "ddclient: /etc/ddclient.conf"},
		{"inadyn", inadynRecipe, "inadyn: /etc/inadyn.conf"},
		{"routeros", routerosRecipe, "MikroTik RouterOS 6.43 and later: paste into a terminal"},
		{"fritzbox", fritzboxRecipe, "Fritz!Box: Internet, Permit Access, DynDNS, user-defined"},
	}
	for i := range all {
		all[i].Text = fill.Replace(strings.TrimPrefix(all[i].Text, "\n"))
	}
	return all
}

func printRecipes(w io.Writer, all []recipe) {
	for i, r := range all {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintf(w, "# %s\n%s", r.title, r.Text)
	}
}

const urlRecipe = `
{base}/nic/update?hostname={host}
`

const curlRecipe = `
curl -u {login} "{base}/nic/update?hostname={host}"
`

const ddclientRecipe = `
daemon=300
use=web, web={base}/checkip
ssl={yes}
protocol=dyndns2
server={server}
login={word}
password='{secret}'
{host}
`

const inadynRecipe = `
period = 300
custom stayput@{host} {
    ssl = {true}
    username = "{user}"
    password = "{secret}"
    hostname = "{host}"
    checkip-server = {server}
    checkip-path = /checkip
    checkip-ssl = {true}
    ddns-server = {server}
    ddns-path = "/nic/update?hostname=%h&myip=%i"
}
`

// The script goes on when the service cannot be reached or refuses, both of which
// RouterOS takes for a failure of fetch. It writes "?" as \3F, because a
// terminal takes the character for a call for help.
const routerosRecipe = `
/system script add name=stayput policy=read,write,test source={
  :do {
    /tool fetch mode={scheme} url="{base}/nic/update\3Fhostname={host}" user="{script-user}" password="{secret}" output=none
  } on-error={
    :log warning "stayput: the update of {host} failed; the next run tries again"
  }
}
/system scheduler add name=stayput interval=5m policy=read,write,test on-event="/system script run stayput"
`

const fritzboxRecipe = `
Update URL:  {base}/nic/update?hostname=<domain>&myip=<ipaddr>&myipv6=<ip6addr>
Domain name: {host}
User name:   {user}
Password:    {secret}
`

// routerString returns text as it stands between the quotes of a RouterOS script.
func routerString(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, `?`, `\3F`).Replace(text)
}

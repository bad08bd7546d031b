package cli

import (
	"fmt"
	"slices"
	"strings"

	"stayput.dev/internal/api"
)

// tsigRecipe returns how to use a key that was just made and has a grant, for people.
func tsigRecipe(k api.TSIGKey, z string) string {
	algorithm := k.Algorithms[0]
	name, zoneLine := "NAME", ""
	typ, data := sample(k.Grants[0].Grant)
	if k.Host != "" {
		name, zoneLine = k.Host, "zone "+z+"\n"
	}
	text := fmt.Sprintf(`Put the address of this server in the place of SERVER, and try it with nsupdate:

nsupdate <<EOF
server SERVER
%skey %s:%s %s
update delete %s %s
update add %s 60 %s %s
send
EOF`, zoneLine, algorithm, k.Name, k.Secret, name, typ, name, typ, data)
	if typ != "A" {
		return text
	}
	if label, ok := strings.CutSuffix(k.Host, "."+z); ok && z != "" && slices.Contains(k.Algorithms, "hmac-md5") {
		text += strings.NewReplacer("{host}", k.Host, "{label}", label, "{zone}", z, "{key}", k.Name, "{secret}", k.Secret).Replace(tsigRouterOS)
	}
	return text
}

// tsigRouterOS is a script for routers of MikroTik, which need no HTTP for it. Whether
// an update was taken it sees in the DNS: what /tool dns-update says is nowhere written.
const tsigRouterOS = `

On RouterOS, name the interface and paste into a terminal:

/system scheduler remove [find name="stayput-dns"]
/system script remove [find name="stayput-dns"]
/system script add name="stayput-dns" policy=read,write,policy,test source={
  :local wan "ether1"
  :global stayputSentDNS
  :local mine ""
  :foreach i in=[/ip address find interface=$wan disabled=no] do={
    :set mine [:tostr [/ip address get $i address]]
  }
  :if ([:len $mine] = 0) do={
    :log warning "stayput: $wan has no address"
  } else={
    :set mine [:pick $mine 0 [:find $mine "/"]]
    :local state ($mine . " " . [/system clock get date])
    :if ($state != "$stayputSentDNS") do={
      :do {
        /tool dns-update address=$mine dns-server=SERVER name="{label}" zone="{zone}" ttl=60 key-name="{key}" key="{secret}"
        :if ([:tostr [:resolve "{host}" server=SERVER]] = $mine) do={
          :set stayputSentDNS $state
          :log info "stayput: {host} is at $mine"
        } else={
          :log error "stayput: {host} is not updated, the service has another address"
        }
      } on-error={
        :log warning "stayput: {host} is not updated: the service is out of reach, or refuses the key; the next run tries again"
      }
    }
  }
}
/system scheduler add name="stayput-dns" interval=5m policy=read,write,policy,test on-event="/system script run stayput-dns"`

// sample returns type and data of a record that a key may change with a grant: an
// address, if it may.
func sample(grant string) (typ, data string) {
	words := strings.Fields(grant)[1:]
	last := ""
	if len(words) > 0 {
		last = words[len(words)-1]
	}
	switch isType := last != "" && last == strings.ToUpper(last); {
	case !isType, slices.Contains(words, "A"), slices.Contains(words, "ANY"):
		return "A", "192.0.2.7"
	case slices.Contains(words, "AAAA"):
		return "AAAA", "2001:db8::7"
	case slices.Contains(words, "TXT"):
		return "TXT", `"a text"`
	}
	return last, "DATA"
}

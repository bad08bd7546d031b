package recipe

import (
	"net/url"
	"strings"
)

// filler fills in what the texts leave open.
func filler(base *url.URL, host, username string) *strings.Replacer {
	yesNo, trueFalse, one, check := "no", "false", "0", ""
	if base.Scheme == "https" {
		yesNo, trueFalse, one, check = "yes", "true", "1", " check-certificate=yes"
	}
	_, behind, _ := strings.Cut(host, ".")
	return strings.NewReplacer(
		"{zone}", behind, "{base}", base.String(), "{server}", base.Host, "{scheme}", base.Scheme, "{host}", host,
		"{user}", username, "{secret}", Secret,
		"{yes}", yesNo, "{true}", trueFalse, "{one}", one, "{check}", check,
		"{word}", ShellWord(username), "{login}", ShellWord(username+":"+Secret),
		"{query-user}", strings.ReplaceAll(url.QueryEscape(username), "+", "%20"), "{script-user}", routerString(username),
		"{uci-user}", strings.ReplaceAll(username, "'", `'\''`),
		"{curl-user}", strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(username),
		"{ps-login}", "'"+strings.ReplaceAll(username+":"+Secret, "'", "''")+"'",
	)
}

// routerString returns text as it stands between the quotes of a RouterOS script.
func routerString(text string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, `?`, `\3F`).Replace(text)
}

// ShellWord returns text as one word of a shell.
func ShellWord(text string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,=", r)
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

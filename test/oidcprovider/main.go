// Command oidcprovider is an identity provider for tests: the example of
// github.com/zitadel/oidc, which is certified for OpenID Connect. It is a module of
// its own, so that none of what it needs is needed by Stayput.
//
// It prints its issuer when it listens. The arguments are the redirect URIs of its
// client "web", whose secret is "secret". There are two users, test-user@127.0.0.1 and
// test-user2, with the password "verysecure".
package main

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
)

func main() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	issuer := "http://" + l.Addr().String() + "/"
	storage.RegisterClients(storage.WebClient("web", "secret", os.Args[1:]...))
	handler := exampleop.SetupServer(issuer, storage.NewStorage(storage.NewUserStore(issuer)), slog.Default(), false)
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	fmt.Println(issuer)
	fmt.Fprintln(os.Stderr, server.Serve(l))
}

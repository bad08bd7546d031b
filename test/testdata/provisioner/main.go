// Command provisioner tells the story of doc/provisioning.md by a client that
// oapi-codegen makes of the API's description: client.gen.go, beside this file when
// the test runs.
package main

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"
)

func main() {
	log.SetFlags(0)
	token := os.Getenv("STAYPUT_TOKEN")
	c, err := NewClientWithResponses(os.Getenv("STAYPUT_URL")+"/api/v1", WithRequestEditorFn(func(_ context.Context, r *http.Request) error {
		r.Header.Set("Authorization", "Bearer "+token)
		return nil
	}))
	check(err)
	ctx := context.Background()

	self, err := c.ShowSelfWithResponse(ctx, nil)
	check(err)
	want(self.StatusCode(), 200, self.Body)
	fmt.Println("I am", *self.JSON200.Account, "with the role", self.JSON200.Role)

	plan, err := c.AddPlanWithResponse(ctx, nil, Plan{Name: "business", Hosts: new(int32(2))})
	check(err)
	want(plan.StatusCode(), 201, plan.Body)

	wish := Customer{Name: new("dave"), Plan: new("business"), Hosts: &[]string{"dave.dyn.example.org"}}
	for range 2 {
		made, err := c.ProvisionCustomerWithResponse(ctx, "crm-4800", nil, wish)
		check(err)
		want(made.StatusCode(), 200, made.Body)
		if a := made.JSON200; a.Name != "dave" || *a.Plan != "business" || a.Hosts != 1 {
			log.Fatalf("the account is %+v", a)
		}
	}
	wish.Hosts = &[]string{"dave.dyn.example.org", "dave2.dyn.example.org", "dave3.dyn.example.org"}
	tooMany, err := c.ProvisionCustomerWithResponse(ctx, "crm-4800", nil, wish)
	check(err)
	want(tooMany.StatusCode(), 409, tooMany.Body)
	fmt.Println("refused:", tooMany.ApplicationproblemJSONDefault.Detail)

	suspended, err := c.SuspendCustomerWithResponse(ctx, "crm-4800", nil)
	check(err)
	want(suspended.StatusCode(), 200, suspended.Body)
	host, err := c.ShowHostWithResponse(ctx, "dave.dyn.example.org", nil)
	check(err)
	want(host.StatusCode(), 200, host.Body)
	fmt.Println("suspended:", *host.JSON200.Suspended)

	resumed, err := c.ResumeCustomerWithResponse(ctx, "crm-4800", nil)
	check(err)
	want(resumed.StatusCode(), 200, resumed.Body)
	ended, err := c.TerminateCustomerWithResponse(ctx, "crm-4800", nil)
	check(err)
	want(ended.StatusCode(), 200, ended.Body)
	fmt.Println("now:", ended.JSON200.State, "with", ended.JSON200.Hosts, "hosts")

	gone, err := c.ShowHostWithResponse(ctx, "dave.dyn.example.org", nil)
	check(err)
	want(gone.StatusCode(), 404, gone.Body)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func want(got, status int, body []byte) {
	if got != status {
		log.Fatalf("status %d, want %d: %s", got, status, body)
	}
}

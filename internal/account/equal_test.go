package account_test

import (
	"net/netip"
	"reflect"
	"testing"
	"time"

	"stayput.dev/internal/account"
)

// TestEqualHeedsEveryField, those that will come too.
func TestEqualHeedsEveryField(t *testing.T) {
	t.Parallel()
	for i := range reflect.TypeFor[account.Host]().NumField() {
		var other account.Host
		field := reflect.TypeFor[account.Host]().Field(i)
		reflect.ValueOf(&other).Elem().Field(i).Set(someValue(t, field.Type))
		if other.Equal(&account.Host{}) {
			t.Errorf("hosts that differ in %s are equal", field.Name)
		}
		if same := other; !same.Equal(&other) {
			t.Errorf("a host with %s is not equal to its copy", field.Name)
		}
	}
	for i := range reflect.TypeFor[account.Source]().NumField() {
		var other account.Source
		field := reflect.TypeFor[account.Source]().Field(i)
		reflect.ValueOf(&other).Elem().Field(i).Set(someValue(t, field.Type))
		if other.Equal(account.Source{}) {
			t.Errorf("sources that differ in %s are equal", field.Name)
		}
	}
}

// someValue returns a value of a type that is not the zero one.
func someValue(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	switch typ {
	case reflect.TypeFor[netip.Addr]():
		return reflect.ValueOf(netip.MustParseAddr("192.0.2.1"))
	case reflect.TypeFor[time.Time]():
		return reflect.ValueOf(time.Unix(1, 0))
	case reflect.TypeFor[[]account.Source]():
		return reflect.ValueOf([]account.Source{{Key: 1}})
	}
	v := reflect.New(typ).Elem()
	switch {
	case v.CanUint():
		v.SetUint(1)
	case v.CanInt():
		v.SetInt(1)
	case typ.Kind() == reflect.String:
		v.SetString("x")
	case typ.Kind() == reflect.Bool:
		v.SetBool(true)
	default:
		t.Fatalf("no value of type %v", typ)
	}
	return v
}

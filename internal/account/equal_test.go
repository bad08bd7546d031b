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
	heedsEveryField(t, func(a, b account.Host) bool { return a.Equal(&b) })
	heedsEveryField(t, account.Source.Equal)
	heedsEveryField(t, func(a, b account.Options) bool { return a.Equal(&b) })
	heedsEveryField(t, func(a, b account.WhenOffline) bool { return a.Equal(&b) })
}

func heedsEveryField[T any](t *testing.T, equal func(a, b T) bool) {
	t.Helper()
	for i := range reflect.TypeFor[T]().NumField() {
		var other, zero T
		field := reflect.TypeFor[T]().Field(i)
		reflect.ValueOf(&other).Elem().Field(i).Set(someValue(t, field.Type))
		if equal(other, zero) {
			t.Errorf("%T: two that differ in %s are equal", zero, field.Name)
		}
		if same := other; !equal(same, other) {
			t.Errorf("%T: one with %s is not equal to its copy", zero, field.Name)
		}
	}
}

// someValue returns a value of a type that is not the zero one.
func someValue(t *testing.T, typ reflect.Type) reflect.Value {
	t.Helper()
	switch typ {
	case reflect.TypeFor[netip.Addr]():
		return reflect.ValueOf(netip.MustParseAddr("192.0.2.1"))
	case reflect.TypeFor[netip.Prefix]():
		return reflect.ValueOf(netip.MustParsePrefix("2001:db8::/56"))
	case reflect.TypeFor[time.Time]():
		return reflect.ValueOf(time.Unix(1, 0))
	case reflect.TypeFor[[]account.Source]():
		return reflect.ValueOf([]account.Source{{Key: 1}})
	case reflect.TypeFor[account.Source]():
		return reflect.ValueOf(account.Source{Key: 1})
	case reflect.TypeFor[[]netip.Addr]():
		return reflect.ValueOf([]netip.Addr{netip.MustParseAddr("192.0.2.1")})
	case reflect.TypeFor[account.Options]():
		return reflect.ValueOf(account.Options{Wildcard: true})
	case reflect.TypeFor[account.WhenOffline]():
		return reflect.ValueOf(account.WhenOffline{NXDOMAIN: true})
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

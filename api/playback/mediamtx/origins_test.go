package mediamtx

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOriginsAreAllowedAsListed(t *testing.T) {
	for _, c := range []struct {
		list []string
		from string
		want string // Access-Control-Allow-Origin
	}{
		{nil, "https://a.example", ""},
		{[]string{"*"}, "", "*"},
		{[]string{"*"}, "https://a.example", "*"},
		{[]string{"*", "https://a.example"}, "https://a.example", "https://a.example"},
		{[]string{"https://a.example"}, "https://A.Example", "https://A.Example"},
		{[]string{"https://a.example"}, "http://a.example", ""},
		{[]string{"https://a.example"}, "https://a.example:8443", ""},
		{[]string{"https://a.example"}, "https://a.example.evil", ""},
		{[]string{"https://a.example"}, "null", ""},
		{[]string{"https://*.example"}, "https://a.example", "https://a.example"},
		{[]string{"https://*.example"}, "https://a.b.example", "https://a.b.example"},
		{[]string{"https://*.example"}, "https://example", "https://example"},
		{[]string{"https://*.example"}, "https://evilexample", ""},
		{[]string{"https://*.example"}, "https://*.example", ""},
		{[]string{"https://*.example:8443"}, "https://a.example:8443", "https://a.example:8443"},
	} {
		o, err := ParseOrigins(c.list)
		require.NoError(t, err)
		h := http.Header{"Cross-Origin-Resource-Policy": {"same-origin"}}
		r := httptest.NewRequest("GET", "/list", nil)
		r.Header.Set("Origin", c.from)
		o.set(h, r)
		require.Equal(t, c.want, h.Get("Access-Control-Allow-Origin"), "%v", c)
		require.Equal(t, c.list == nil, h.Get("Cross-Origin-Resource-Policy") == "same-origin", "a page of an allowed origin may show a picture")
	}
	for _, bad := range []string{"", "a.example", "https://", "https://a.example/", "ftp://a.example", "https://u@a.example", "https://a.*.example", "https://*", "https://*."} {
		_, err := ParseOrigins([]string{bad})
		require.ErrorContains(t, err, "is not an origin", "%q", bad)
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("https://*.example", "https://a.example")
	f.Add("http://[::1]:8080", "http://[::1]:8080")
	f.Fuzz(func(t *testing.T, listed, from string) {
		if o, err := ParseOrigins([]string{listed}); err == nil && !o.any && o.allows(from) {
			require.NotContains(t, from, "*")
			_, ok := parseOrigin(from)
			require.True(t, ok || from != "")
		}
	})
}

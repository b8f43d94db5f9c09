package authscheme

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSchemesInManySpellings(t *testing.T) {
	digest := func(pairs ...string) Scheme {
		s := Scheme{"digest", map[string]string{}}
		for i := 0; i < len(pairs); i += 2 {
			s.Params[pairs[i]] = pairs[i+1]
		}
		return s
	}
	basic := Scheme{"basic", map[string]string{"realm": "c"}}
	for text, want := range map[string][]Scheme{
		"": nil, " , ,": nil, "Negotiate": {{"negotiate", map[string]string{}}}, "a=b": nil,
		`Digest realm="a, b", nonce=n, Basic realm=c`:           {digest("realm", "a, b", "nonce", "n"), basic},
		`DIGEST Realm = "IP \"Cam\"" ,NONCE= "n"`:               {digest("realm", `IP "Cam"`, "nonce", "n")},
		`Digest username="a", username="b"`:                     {digest("username", "a")},
		`Digest uri="rtsp://h/x?a=b,c=d", nc=00000001`:          {digest("uri", "rtsp://h/x?a=b,c=d", "nc", "00000001")},
		`Digest realm=IP Camera, nonce="x`:                      {digest("realm", "IP Camera", "nonce", "x")},
		`Digest realm="", opaque="\\", response="" , qop="a,b"`: {digest("realm", "", "opaque", `\`, "response", "", "qop", "a,b")},
	} {
		require.Equal(t, want, Read([]string{text}), text)
	}
	require.Len(t, Read([]string{"Basic realm=c", "", "Digest nonce=n"}), 2)
}

// The result is no longer than the input.
func FuzzRead(f *testing.F) {
	f.Add(`Digest realm="a, b", nonce=n, Basic realm=c`)
	f.Add(`digest realm="\"`)
	f.Fuzz(func(t *testing.T, text string) {
		n := 0
		for _, s := range Read([]string{text}) {
			n += len(s.Name)
			require.NotContains(t, s.Name, " ")
			for key, value := range s.Params {
				n += len(key) + len(value)
			}
		}
		require.LessOrEqual(t, n, len(strings.ToLower(text))+len(text))
	})
}

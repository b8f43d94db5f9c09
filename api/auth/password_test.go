package auth

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordHashes(t *testing.T) {
	text, err := HashPassword("ünïcode pass")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$"))
	h, err := parseHash(text)
	require.NoError(t, err)
	require.Equal(t, text, h.String())
	require.True(t, h.matches("ünïcode pass"))
	require.False(t, h.matches("unicode pass"))
	again, _ := HashPassword("ünïcode pass")
	require.NotEqual(t, text, again, "the salt is another")
	_, err = HashPassword("")
	require.Error(t, err)
	// Made by the reference program: echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24
	h, err = parseHash("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	require.NoError(t, err)
	require.True(t, h.matches("password"))
}

func FuzzHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=4294967295,t=4294967295,p=255$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$argon2i$v=19$m=1,t=1,p=1$$")
	f.Add("plain")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err != nil {
			if strings.Contains(err.Error(), text) && len(text) > 20 {
				t.Fatalf("the error shows the hash: %v", err)
			}
			return
		}
		if h.memoryKiB > 256<<10 || h.passes > 16 || h.passes < 1 || h.threads < 1 || len(h.key) < 16 {
			t.Fatalf("%q is taken", text)
		}
	})
}

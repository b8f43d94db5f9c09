package auth

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

// A password typed into the field of the name is not logged.
func TestFailuresAreLoggedWithoutTheTypedName(t *testing.T) {
	var book bytes.Buffer
	seen := NewFailures(slog.New(slog.NewTextHandler(&book, nil)))
	p, err := NewPasswords([]Credentials{{Name: "cam", PasswordHash: cheap(t, "open sesame")}}, nil, &turned{})
	require.NoError(t, err)
	require.Error(t, p.Check(t.Context(), seen, "192.0.2.1:5", "open sesame", "cam"))
	require.Error(t, p.Check(t.Context(), seen, "192.0.2.1:6", "cam", "open says me"))
	for range 2 * DefaultFailures {
		require.Error(t, p.Check(t.Context(), seen, "192.0.2.1:6", "cam", "open says me"))
	}
	text := book.String()
	require.NotContains(t, text, "sesame")
	require.NotContains(t, text, "says")
	require.Contains(t, text, `msg="sign-in failed" reason=unknown_name remote=192.0.2.1:5`+"\n")
	require.Contains(t, text, "reason=wrong_password remote=192.0.2.1:6 user=cam\n")
	require.Contains(t, text, "reason=throttled remote=192.0.2.1:6 user=cam\n")
	require.EqualValues(t, 1, seen.count(UnknownName))
	require.EqualValues(t, DefaultFailures+1, seen.count(WrongPassword))
	require.EqualValues(t, DefaultFailures, seen.count(Throttled))
	require.Zero(t, seen.count(WrongToken))
	(*Failures)(nil).Count(WrongToken, "", "")
}

func TestEachReasonHasItsCount(t *testing.T) {
	seen := NewFailures(nil)
	require.Len(t, reasons, len(seen.counts))
	for i, r := range reasons {
		for range i + 1 {
			seen.Count(r, "", "")
		}
		require.EqualValues(t, i+1, seen.count(r))
	}
}

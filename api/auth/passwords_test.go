package auth

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// frozen is a clock by which no failure fades.
type frozen struct{ pipeline.Clock }

func (frozen) Now() time.Time { return time.Unix(0, 0) }

// TestCameraWithAWrongPasswordLocksNoOtherOut that is behind the same address.
func TestCameraWithAWrongPasswordLocksNoOtherOut(t *testing.T) {
	hash, err := HashPassword("right password")
	require.NoError(t, err)
	var users []Credentials
	for n := range 12 {
		users = append(users, Credentials{fmt.Sprintf("cam%d", n), hash})
	}
	g, err := NewPasswords(users, frozen{pipeline.SystemClock})
	require.NoError(t, err)
	check := func(port int, name, password string) error {
		return g.Check(context.Background(), fmt.Sprintf("192.0.2.1:%d", port), name, password)
	}
	wrong := strings.Repeat("x", maxPassword+1) // which is not hashed
	blocked := func(name string) (tries int) {
		for check(1000+tries, name, wrong) == ErrWrong {
			tries++
		}
		require.ErrorIs(t, check(1, name, wrong), ErrBlocked)
		return tries
	}
	require.Equal(t, 10, blocked("cam0"))
	require.ErrorIs(t, check(2, "cam0", "right password"), ErrBlocked)
	require.NoError(t, check(2, "cam1", "right password"))
	require.Equal(t, 10, blocked("nobody"))
	require.ErrorIs(t, check(3, "nobody else", wrong), ErrBlocked, "names that are not known are one")
	require.NoError(t, check(3, "cam2", "right password"))
	for n := 3; n < 11; n++ {
		require.Equal(t, 10, blocked(users[n].Name))
	}
	require.ErrorIs(t, check(4, "cam11", "right password"), ErrBlocked, "nor may it try all names")
	require.NoError(t, g.Check(context.Background(), "192.0.2.2:1", "cam11", "right password"))
}

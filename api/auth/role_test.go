package auth

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The table is written by hand: admin does not make pipelines, and declare deletes nothing.
func TestRolesIncludeLesserRoles(t *testing.T) {
	all := []Role{View, Control, Admin, Declare}
	for _, c := range []struct {
		has, holds []Role
	}{
		{[]Role{View}, []Role{View}},
		{[]Role{Control}, []Role{View, Control}},
		{[]Role{Admin}, []Role{View, Control, Admin}},
		{[]Role{Declare}, []Role{View, Declare}},
		{[]Role{Declare, Control}, []Role{View, Control, Declare}},
		{[]Role{Admin, Declare}, all},
	} {
		set, err := RolesOf(c.has...)
		require.NoError(t, err)
		for _, r := range all {
			held := false
			for _, h := range c.holds {
				held = held || h == r
			}
			require.Equal(t, held, set.Holds(r), "%v and %s", c.has, r)
		}
		require.True(t, set.Holds(""))
		require.False(t, set.Holds("root"))
	}
	require.True(t, Roles(0).Holds(""), "for everybody")
	require.False(t, Roles(0).Holds(View))
	for _, bad := range [][]Role{nil, {""}, {"root"}, {View, "Admin"}} {
		_, err := RolesOf(bad...)
		require.Error(t, err, "%v", bad)
	}
	everything, err := RolesOf(all...)
	require.NoError(t, err)
	require.Equal(t, Everything, everything)
}

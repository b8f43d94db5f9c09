package command

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLastOutputIsBounded(t *testing.T) {
	var o LastOutput
	for i := range 3000 {
		fmt.Fprintf(&o, "%d\n", i)
	}
	require.Len(t, o.String(), MaxOutputBytes)
	require.True(t, strings.HasSuffix(o.String(), "\n2999\n"))
	fmt.Fprint(&o, strings.Repeat("x", 3*MaxOutputBytes))
	require.Equal(t, strings.Repeat("x", MaxOutputBytes), o.String())
}

package progress

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheBarShowsProgressAndRemainingTime(t *testing.T) {
	b := Bar{what: "comparing files"}
	require.Equal(t, "comparing files [###############...............] 500 of 1000, 10s left", b.text(500, 1000, 10*time.Second))
	require.Equal(t, "comparing files [##############################] 7 of 7", b.text(7, 7, time.Second))
	require.Equal(t, "comparing files [..............................] 0 of 7", b.text(0, 7, time.Second))
}

func TestTheBarIsOnlyForATerminal(t *testing.T) {
	var out bytes.Buffer
	b := New(&out, "x")
	b.At(1, 2)
	b.At(2, 2)
	b.End()
	require.Empty(t, out.String())
}

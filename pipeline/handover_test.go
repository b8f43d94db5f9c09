package pipeline

import (
	"testing"

	"github.com/stretchr/testify/require"
)

type keepsake struct{ closed int }

func (k *keepsake) Close() { k.closed++ }

func TestAHandoverIsTakenOnceOrClosed(t *testing.T) {
	taken, replaced, left, late, alone := &keepsake{}, &keepsake{}, &keepsake{}, &keepsake{}, &keepsake{}
	k := &Handover{}
	require.Nil(t, k.Take("source"))
	k.Leave("source", taken)
	require.Same(t, taken, k.Take("source"))
	require.Nil(t, k.Take("source"), "it is the taker's now")

	k.Leave("source", replaced)
	k.Leave("source", left)
	require.Equal(t, 1, replaced.closed)
	k.Close()
	require.Equal(t, 1, left.closed)
	k.Leave("source", late)
	require.Equal(t, 1, late.closed, "no stage takes it after Close")
	require.Zero(t, taken.closed)

	(*Handover)(nil).Leave("source", alone)
	require.Equal(t, 1, alone.closed)
	require.Nil(t, (*Handover)(nil).Take("source"))
}

type pending struct {
	keepsake
	media bool
}

func (p *pending) Pending() bool { return p.media }

func TestAHandoverReportsMediaForTheNextRun(t *testing.T) {
	h := &Handover{}
	require.False(t, h.Pending())
	h.Leave("gop_ring", &keepsake{})
	source := &pending{}
	h.Leave("source", source)
	require.False(t, h.Pending())
	source.media = true
	require.True(t, h.Pending())
	h.Close()
	require.False(t, h.Pending())
	require.False(t, (*Handover)(nil).Pending())
}
